from __future__ import annotations

import copy
import cProfile
import re
import unicodedata

import precis_i18n
import pytest
from confusable_homoglyphs.confusables import confusables_data
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from room import lookalikes

from sockatuh.room.names import (
    MAX_NAME_BYTES,
    NameInvalid,
    NameRules,
    same_as_password,
)
from sockatuh.room.text import clean_line
from sockatuh.room.word import is_word

LATIN = """
adam adi agus ahmad aisyah alan albert alex ali alice aliya amir amy ana andi angel anna
anton ari arif astrid ava bambang bayu bella ben beth bill bima bob bruno budi caca
cahya carl carol chris cindy citra claire clara dan daniel dave david dewi dian diana
dimas dina dodo dwi eka eko elena eli eliza emil emma erik erna eva evi fajar fatima
felix fitri frank fred george gilang gita greta hadi hana hans hendra henry herman ian
ida ika indah intan irfan ivan iwan jack james jan jane jim joe john joko jonas joni
julia karen karl kartika kate ken kevin kiki kim krisna kurnia laila lala lara lena leo
lia liam lina linda lisa lukas lulu luna marco maria mark max maya mega mia mila mimi
mira momo mona nadia nana nina noel nono nora nur nurul olga oscar otto paul pavel peter
petra putra putri rani ratna rina rosa ross roy rudi ryan sam sara sari sinta siti sofia
sri steve surya susi sven tanja ted tia tim tina tom toni tono tony ulrich umar ursula
vera victor vina wati wawan wayan william wira xena yanti yogi yudi yuri yusuf zahra
zaki zoe zulu özil ozil jürgen jurgen åsa asa søren
"""
CYRILLIC = """
Алексей Анна Антон Борис Вера Виктор Владимир Галина Григорий Дарья Дмитрий Евгений
Елена Жанна Зоя Иван Игорь Ирина Кирилл Константин Лариса Лев Лидия Людмила Максим Мария
Михаил Наталья Николай Нина Олег Ольга Павел Пётр Полина Роман Светлана Сергей Соня
Софья Татьяна Тимур Ульяна Фёдор Хасан Цветан Шамиль Щукин Эдуард Юлия Юрий Яков Яна
"""
EASTERN = """
王伟 李娜 张敏 刘洋 陈静 杨光 赵磊 黄强 周杰 吴刚 佐藤 鈴木 高橋 田中 伊藤 渡辺 山本
中村 小林 加藤 一郎 二郎 さくら はると ゆい ひまり ハルト サクラ
ユイ 김민준 이서연 박지훈 최수빈 정하은 각가 가까 محمد أحمد علي حسن حسين فاطمة عائشة خديجة مريم عمر عثمان
يوسف إبراهيم خالد سعيد نور ليلى زينب سارة هدى كريم جمال طارق رامي אבי דוד שרה רבקה משה
יוסף Νίκος Γιώργος Ελένη Μαρία Κώστας Δημήτρης Σοφία Παύλος Θανάσης रामः सीता अर्जुन
สมชาย สมหญิง
"""


@pytest.fixture(scope="module")
def rules() -> NameRules:
    return NameRules()


def fault_of(rules: NameRules, name: str) -> str | None:
    judged = rules.enforce(name)
    return judged.fault if isinstance(judged, NameInvalid) else None


def can_stand_alone(char: str) -> bool:
    return len(char) == 1 and unicodedata.is_normalized("NFKC", char) and not "\u1100" <= char <= "\u11ff"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Аlice", "Alice"),
        ("рауро", "paypo"),
        ("Ａna", "ana"),
        ("ANA", "ana"),
        ("ana ", "ana"),
        ("kern", "kem"),
        ("AIice", "Alice"),
        ("A1ice", "Alice"),
        ("lan", "Ian"),
        ("B0b", "Bob"),
        ("ΑΝΑ", "ANA"),
        ("АННА", "AHHA"),
        ("Νίκος", "νίκος"),
        ("ΠΑΥΛΟΣ", "παυλος"),
        ("Straße", "STRASSE"),
        ("ti\u0307m", "tim"),
        ("İda", "ida"),
        ("Cafe\u0301", "CAFÉ"),
        ("ﬁlip", "filip"),
        ("ロボ", "口ボ"),
    ],
)
def test_look_alike_names_have_the_same_key(rules: NameRules, one: str, other: str) -> None:
    assert rules.key(one) == rules.key(other)


def test_ordinary_names_stay_apart(rules: NameRules) -> None:
    names = (LATIN + CYRILLIC + EASTERN).split()
    keys: dict[str, list[str]] = {}
    for name in names:
        keys.setdefault(rules.key(name), []).append(name)
    assert [alike for alike in keys.values() if len(alike) > 1] == []


def test_ordinary_names_are_legal(rules: NameRules) -> None:
    composed = [
        "Ana_Maria",
        "O'Neill",
        "Jean-Luc",
        "budi_7",
        "3k",
        "12",
        "x.",
        "DJ_Ольга",
        "Ольга2",
        "joined",
        "server",
    ]
    names = (LATIN + CYRILLIC + EASTERN).split() + composed
    assert [name for name in names if rules.enforce(name) != unicodedata.normalize("NFC", name)] == []


def test_only_the_known_ascii_letters_look_alike(rules: NameRules) -> None:
    alike: dict[str, str] = {}
    for char in "abcdefghijklmnopqrstuvwxyz0123456789":
        alike.setdefault(rules.key(char), "")
        alike[rules.key(char)] += char
    assert sorted(group for group in alike.values() if len(group) > 1) == ["il1", "o0"]


def test_the_alphabets_keep_their_letters_apart(rules: NameRules) -> None:
    for alphabet in ("αβγδεζηθικλμνξοπρστυφχψω", "абвгдежзийклмнопрстуфхцчшщъыьэюя"):
        assert len({rules.key(char) for char in alphabet}) == len(alphabet)


def test_the_table_of_look_alikes_is_followed_but_for_a_few_letters(rules: NameRules) -> None:
    pairs = {(one, entry["c"]) for one, entries in confusables_data.items() for entry in entries}
    usable = [pair for pair in pairs if all(can_stand_alone(end) for end in pair)]
    apart = {frozenset(pair) for pair in usable if rules.key(pair[0]) != rules.key(pair[1])}
    assert len(usable) > 2_500
    assert {frozenset(pair) for pair in ("vν", "uυ", "yγ", "oσ", "bЬ")} <= apart
    assert len(apart) < 30


@pytest.mark.skipif(unicodedata.unidata_version != "14.0.0", reason="made with the Unicode of Python 3.11")
def test_the_table_in_the_package_is_the_one_that_is_made() -> None:
    assert lookalikes.FILE.read_text("ascii") == lookalikes.make()


# The profile refuses most texts.
@settings(suppress_health_check=[HealthCheck.filter_too_much])
@given(st.text(max_size=40))
def test_a_name_equal_under_the_profile_has_the_same_key(rules: NameRules, text: str) -> None:
    compared = precis_i18n.get_profile("NicknameCaseMapped")
    try:
        form = compared.enforce(text)
    except UnicodeEncodeError:
        assume(False)
    assert rules.key(form) == rules.key(text)


@given(st.text(st.characters(), max_size=200))
def test_any_text_is_a_safe_name_or_refused(rules: NameRules, text: str) -> None:
    judged = rules.enforce(text)
    if isinstance(judged, NameInvalid):
        assert judged.sentence
    else:
        assert rules.enforce(judged) == judged
        assert rules.key(judged) == rules.key(re.sub(r"\s+", "_", text.strip()))
        assert clean_line(judged) == judged
        assert is_word(judged)
        assert not set(judged) & set(' \t,;:()·*»—"/@')
        assert len(judged.encode()) <= MAX_NAME_BYTES
        assert ":" not in judged
    assert isinstance(rules.key(text), str)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("", "empty"),
        ("  \u00a0", "empty"),
        ("a" * 33, "too_long"),
        ("é" * 32, None),
        ("한" * 32, None),
        ("한" * 43, "too_long"),
        ("\u0958" * 32, "too_long"),
        ("a\u0323\u0324\u0325\u0331" * 20, "too_long"),
        ("a" * 10_000, "too_long"),
        ("a\x1b[31m", "forbidden"),
        ("a\nb", "forbidden"),
        ("a\tb", "forbidden"),
        ("a\u202eb", "forbidden"),
        ("a\u200bb", "forbidden"),
        ("علي\u200cرضا", "forbidden"),
        ("क्\u200dष", "forbidden"),
        ("a\ufe0fb", "forbidden"),
        ("a\u034fb", "forbidden"),
        ("a\ud800", "forbidden"),
        ("a\ue000", "forbidden"),
        ("a\u3164", "forbidden"),
        ("ana\u2800", "forbidden"),
        ("z" + "\u0335" * 9, "forbidden"),
        ("z\u20dd", "forbidden"),
        ("ﬁlip", "forbidden"),
        ("🦊", "forbidden"),
        ("ana:", "forbidden"),
        ("ana：budi", "forbidden"),
        ("ana∶hi", "forbidden"),
        ("ana\ua789", "forbidden"),
        ("anaː", "forbidden"),
        ("ana\ua4f9budi", "forbidden"),
        ("ana, budi, citra", "forbidden"),
        ("budi joined; ana", "forbidden"),
        ("ana(lost)", "forbidden"),
        ('"ana"', "forbidden"),
        ("ana·", "forbidden"),
        ("/quit", "forbidden"),
        ("@ana", "forbidden"),
        ("* ana", "forbidden"),
        ("— budi", "forbidden"),
        ("<ana>", "forbidden"),
        (".", "beginning"),
        ("..", "beginning"),
        ("-x", "beginning"),
        ("_x", "beginning"),
        ("'x", "beginning"),
        ("\u0301ana", "beginning"),
        ("\ua78f", "beginning"),
        ("\u1427ana", "beginning"),
        ("anaא", "direction"),
        ("5אבי", "direction"),
        ("אבי.", "direction"),
        ("٣٤", "direction"),
        ("אבי_דוד", None),
        ("אבי5", None),
        ("eνa", "mixed"),
        ("Νina", "mixed"),
        ("uυu_ana", "mixed"),
    ],
)
def test_a_text_that_is_no_name_is_refused_with_its_reason(rules: NameRules, name: str, fault: str | None) -> None:
    assert fault_of(rules, name) == fault


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("ana kicks", "ana_kicks"),
        ("  Ana   Maria ", "Ana_Maria"),
        ("王\u3000伟", "王_伟"),
        ("Ａna", "Ana"),
        ("ﾛﾎﾞ", "ロボ"),
        ("Cafe\u0301", "Café"),
    ],
)
def test_spaces_become_underscores_and_wide_letters_ordinary_ones(rules: NameRules, typed: str, written: str) -> None:
    assert rules.enforce(typed) == written


@pytest.mark.parametrize(
    ("typed", "suggestion"),
    [
        ("ana, budi, citra", "ana_budi_citra"),
        ("budi joined; ana", "budi_joined_ana"),
        ("— you are here —", "you_are_here"),
        ("/quit", "quit"),
        ("_x_", "x"),
        ("🦊 fox", "fox"),
        ("ﬁlip", "filip"),
        ("Ⅷ", "VIII"),
        ("a" * 300, "a" * 32),
        ("z" + "\u0335" * 9, "z"),
        ("علي\u200cرضا", "عليرضا"),
        ("שלום ana", "שלום"),
        ("ana שלום", "ana"),
        ("אבי.", "אבי"),
        ("eνa", "ea"),
        ("a\x1b[31m", "a31m"),
        ("🦊", ""),
        ("...", ""),
        ("\ufdfa", ""),
    ],
)
def test_a_refusal_comes_with_a_name_that_would_do(rules: NameRules, typed: str, suggestion: str) -> None:
    judged = rules.enforce(typed)
    assert isinstance(judged, NameInvalid)
    assert judged.suggestion == suggestion
    assert suggestion == "" or rules.enforce(suggestion) == suggestion


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters() | st.sampled_from("abאבш中 _-.'\u0301\ufdfa٣"), max_size=60))
def test_a_suggestion_is_always_a_name(rules: NameRules, text: str) -> None:
    judged = rules.enforce(text)
    if isinstance(judged, NameInvalid) and judged.suggestion:
        assert rules.enforce(judged.suggestion) == judged.suggestion


class Counted(NameRules):
    """Name rules that count their calls of the profile."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self._profile = copy.copy(self._profile)
        enforce = self._profile.enforce

        def ask(name: str) -> str:
            self.asked.append(name)
            return str(enforce(name))

        vars(self._profile)["enforce"] = ask


@pytest.mark.parametrize(
    "name", ["\ufdfa" * 128, "é" * 65, "\u0958" * 32, "\U0001d15e" * 20, "a" * 129, "a\u2066" * 20]
)
def test_overlong_or_forbidden_names_never_reach_the_profile(name: str) -> None:
    rules = Counted()
    judged = rules.enforce(name)
    assert isinstance(judged, NameInvalid)
    assert set(rules.asked) <= {judged.suggestion}


def test_a_name_that_normalising_makes_long_costs_no_more_than_a_short_one() -> None:
    """Work is counted in function calls, so that a busy machine does not matter."""
    rules = NameRules()

    def calls(name: str) -> int:
        profiler = cProfile.Profile()
        profiler.runcall(rules.enforce, name)
        return sum(entry.callcount for entry in profiler.getstats())

    assert calls("\ufdfa" * 128) < calls("budi") / 2


def test_a_disguised_password_is_refused_as_a_name() -> None:
    assert same_as_password("Tulip", "tulip")
    assert same_as_password("ｔulip  harbor", " Tulip Harbor")
    assert same_as_password("tulip_harbor", "tulip harbor")
    assert not same_as_password("ana", "tulip")
