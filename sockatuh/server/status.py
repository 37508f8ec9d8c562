"""What `systemctl status` shows of the room: its troubles, as long as there are any, else how it is."""

from __future__ import annotations

from collections.abc import Callable

from sockatuh.net.notify import Notifier


class Status:
    """One sentence for each topic that is in trouble; `well` is what is shown when none is."""

    def __init__(self, notifier: Notifier, well: Callable[[], str]) -> None:
        self._notifier, self._well = notifier, well
        self._troubles: dict[str, str] = {}

    def say(self, topic: str, trouble: str) -> None:
        """Say what is the matter with a topic, "" when nothing is any longer; the manager hears of changes only."""
        if trouble == self._troubles.get(topic, ""):
            return
        self._troubles.pop(topic, None)
        if trouble:
            self._troubles[topic] = trouble
        self._notifier.status(self._text or self._well())

    def repeat(self) -> None:
        """Say to the service manager once more what is the matter, if anything is: it was told something else."""
        if self._troubles:
            self._notifier.status(self._text)

    @property
    def _text(self) -> str:
        return "; ".join(self._troubles.values())
