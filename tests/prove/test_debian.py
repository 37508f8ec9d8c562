from __future__ import annotations

from prove.debian import readme_blocks


def test_what_readme_says_of_the_service_is_what_is_tried_on_a_debian() -> None:
    install, use, back_up, restore, begin_anew = readme_blocks()
    assert install.endswith("install-service\n")
    assert "check" in use
    assert "--service" in use
    assert "sockatuh backup" in back_up
    assert restore.splitlines()[0].endswith("systemctl stop sockatuh.socket sockatuh.service")
    # Before the room is opened for the first time: it has its own key again before anybody asks for it.
    assert begin_anew.index("sockatuh restore") < begin_anew.index("install-service")
    # The program is not on the public index, and that name is nobody's.
    assert not [line for line in (install + begin_anew).splitlines() if "pip" in line and not line.endswith(" .")]
