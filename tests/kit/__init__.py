"""What the tests share.

The world, in virtual time (no socket, no thread, no sleep):

* `world`: `World` holds a server, its clients, the network between them and one clock. A party is anything with an
  address and the five methods of a core, so the world also takes the protocol's bare endpoint. `settle` does all that
  is due by now, `advance` and `run` let time pass, `suspend` lets a machine sleep.
* `weather`: how much of what is sent is lost, doubled, spoilt or late. All chances come from the world's seeded `dice`.
* `server`: `RoomServer` is the process that serves a room, made by `server.build` as the real one is, on a disk and a
  bcrypt that take as long as they are told. It crashes, starts again and is restored from a backup.
* `disk`: what outlives that process: a log that may be full, lie about a commit, or be set back; the history of
  sessions. Its log of events is checked to be printable.
* `clients`: `Client` is a real `Peer` and everything it received; `ClassicClient` speaks the classic dialect;
  `LawlessClient` claims anything in its handshake and sends any message.
* `instant_world`: `InstantWorld` is the world in which nothing takes time, for tests of the room server.
  `datagram_world` is one that takes raw datagrams, and `simulation.world.SimulatedRoom` is the world with weather.
* `bare_room`, `wire`: the real endpoint with the simplest room behind it, and the world that has it as its server, with
  a network that can be forged: what the protocol's tests need, without `server/` and `room/`.
* `sessions`: open sessions without a handshake, for tests of the endpoint's parts. `footprint`: how much a core keeps.

The program, in processes:

* `programs`, `fork_server`: run `sockatuh ARGS` without paying for a new interpreter each time. Attacks, and tests of
  what a start imports or of how an interpreter ends, execute the real command (`SOCKATUH`).
* `terminal`: such a program in a terminal, and what its screen shows.

Written by the letter of docs/PROTOCOL.md, and therefore not built on the cores: `raw_client`, a client that may break
every rule, and `raw_server`, a server that sends what the test says.
"""
