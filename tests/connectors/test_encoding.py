"""Encodings: names of many languages in the code pages that exports are written in."""

# ruff: noqa: RUF001  letters of other alphabets are what these tests are about

import contextlib
import io
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onefold.connectors.sources import encoding, likelihood

NAMES = {
    "Polish": "Łukasz Małgorzata Żółkiewska Wiśniewski Gdańsk Łódź Paweł Zając Wójcik Śląsk Błażej Stanisław",
    "Czech": "Jiří Dvořák Novotná Černý Plzeň Šimek Růžička Kateřina Tomáš Přemysl Žižka Zdeněk Hůlka",
    "Hungarian": "Szőke Gergő Győr Erzsébet László Zoltán Árpád Nagyné Kővári Tünde Fűzfa",
    "Romanian": "Ştefan Ioniţă Mădălina Brăila Târgu Ţepeş Băsescu",
    "German": "Müller Jörg Köln Öztürk Straße Groß Böhm Günther Jäger Weiß",
    "French": "Zoë Hélène François Besançon Benoît Côté Chloé Loïc Mérimée Jérôme",
    "Spanish": "José Muñoz Peña García Martínez Ibáñez Ávila León Begoña",
    "Portuguese": "João Conceição São Gonçalves Simões Magalhães Inês Antônio",
    "Swedish": "Åsa Björk Håkan Östersund Sjögren Ekström Mårten",
    "Danish": "Søren Kjær Åse Ærø Jørgensen Bøgh",
    "Turkish": "Şahin İstanbul Ayşe Gökçe Çağlar Yıldız Güneş Doğan",
    "Latvian": "Jānis Bērziņš Kārlis Līga Ķegums Ģirts",
    "Russian": "Иван Петрова Ольга Санкт-Петербург Дмитрий Сергей Фёдоров Екатерина",
    "Ukrainian": "Євген Ірина Київ Олексій Їжак Шевченко",
    "Greek": "Γιώργος Αθήνα Παπαδόπουλος Ελένη Θεσσαλονίκη",
    "Hebrew": "שלום ירושלים דוד כהן לוי מרים",
    "Arabic": "محمد القاهرة فاطمة علي حسن",
    "Thai": "สมชาย กรุงเทพ ใจดี ประเทศไทย",
    "Japanese": "山田 太郎 東京都 佐藤 すずき タナカ 高橋 大阪",
    "Chinese": "王伟 北京 李娜 上海市 张敏 广州",
    "Taiwanese": "王偉 臺北市 李娜 高雄 張敏 陳美玲",
    "Korean": "김민준 서울 이서연 부산광역시 박지훈",
}
PAGES = {
    "Polish": ("cp1250", "iso8859_2", "cp852", "mac_latin2"), "Czech": ("cp1250", "iso8859_2", "cp852"),
    "Hungarian": ("cp1250", "iso8859_2", "cp852"), "Romanian": ("cp1250",),
    "German": ("cp1252", "mac_roman", "cp850", "cp437"), "French": ("cp1252", "mac_roman", "cp850"),
    "Spanish": ("cp1252", "mac_roman", "cp850"), "Portuguese": ("cp1252", "mac_roman", "cp850"),
    "Swedish": ("cp1252", "mac_roman", "cp850"), "Danish": ("cp1252", "mac_roman", "cp850"),
    "Turkish": ("cp1254", "iso8859_9", "cp857"), "Latvian": ("cp1257",),
    "Russian": ("cp1251", "koi8_r", "cp866", "iso8859_5", "mac_cyrillic"), "Ukrainian": ("cp1251", "koi8_u"),
    "Greek": ("cp1253", "iso8859_7", "mac_greek"), "Hebrew": ("cp1255",), "Arabic": ("cp1256",), "Thai": ("cp874",),
    "Japanese": ("cp932", "euc_jp", "iso2022_jp"), "Chinese": ("gb18030",), "Taiwanese": ("big5",), "Korean": ("cp949",),
}  # fmt: skip
PAIRS = [(language, page) for language, pages in PAGES.items() for page in pages]
UNICODE = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")


def file_of(names):
    return "Donor Id,Email,First Name\n" + "".join(f"{i},p{i}@one.test,{name}\n" for i, name in enumerate(names))


def find(content):
    return encoding.find(lambda: contextlib.nullcontext(io.BytesIO(content)))


names_in_pages = st.sampled_from(PAIRS).flatmap(
    lambda pair: st.tuples(st.just(pair[1]), st.lists(st.sampled_from(NAMES[pair[0]].split()), min_size=1, max_size=30))
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(names_in_pages)
def test_names_are_read_as_they_were_meant_or_the_reader_is_not_sure(found):
    """Never silently wrong: another reading than the writer's comes with a doubt."""
    page, names = found
    content = file_of(names).encode(page)
    answer = find(content)
    assert not answer.sure or content.decode(answer.name) == file_of(names), answer


def test_most_files_are_read_right_and_most_of_those_without_a_doubt():
    """A reader that only ever doubts would pass the law above. Of files with 20 names 9 of 10 are read right."""
    draw = random.Random(7)
    right = sure = 0
    for language, page in PAIRS:
        text = file_of(draw.choices(NAMES[language].split(), k=20))
        answer = find(text.encode(page))
        right += text.encode(page).decode(answer.name, "replace") == text
        sure += answer.sure
    assert right >= 0.9 * len(PAIRS)
    assert sure >= 0.7 * len(PAIRS)


def test_a_reader_that_scores_nothing_would_be_seen(monkeypatch):
    """The negative control: with all readings equally likely, Polish and Russian names are read wrong."""
    monkeypatch.setattr(encoding, "score", lambda words, name: 0.0)
    for language, page in (("Polish", "cp1250"), ("Russian", "cp1251")):
        text = file_of(NAMES[language].split())
        assert text.encode(page).decode(find(text.encode(page)).name, "replace") != text


@pytest.mark.parametrize("codec", UNICODE)
@settings(max_examples=30)
@given(names=st.lists(st.sampled_from(" ".join(NAMES.values()).split()), min_size=1, max_size=8))
def test_unicode_is_found_with_and_without_its_mark(codec, names):
    """UTF-8, UTF-16 and UTF-32 in either order of bytes."""
    text = file_of(names)
    answer = find(text.encode(codec))
    assert answer.sure
    assert text.encode(codec).decode(answer.name) == text


@pytest.mark.parametrize("page", ["cp1250", "cp1251", "utf-8"])
def test_the_first_accent_may_stand_anywhere(page):
    """After megabytes of plain rows."""
    names = NAMES["Polish" if page == "cp1250" else "Russian"].split()
    content = b"plain,row,x\n" * 200_000 + file_of(names).encode(page)
    assert find(content).name == page


def test_old_macs_end_lines_with_another_byte():
    """Their files are one line to others."""
    text = file_of(NAMES["French"].split() * 3).replace("\n", "\r")
    answer = find(text.encode("mac_roman"))
    assert text.encode("mac_roman").decode(answer.name) == text


def test_a_few_damaged_lines_do_not_change_the_encoding():
    """A file that is UTF-8 in most lines stays so; one that is both is read as one, with a doubt."""
    assert find("Zoë\n".encode() * 5 + b"Zo\xeb\n").name == "utf-8"
    both = find(b"Zo\xeb\n" * 5 + "Zoë\n".encode())
    assert (both.name, both.sure, both.others[0]) == ("cp1252", False, "utf-8")


@pytest.mark.parametrize("text", ["O’Neil", "“Al” Smith", "5 € – 10 €", "Öz", "Zoë", "Peña", "naïve café", "50 % ½"])
def test_western_files_are_taken_for_what_they_most_often_are(text):
    """One word is no proof, and cp1252 the likeliest."""
    assert file_of([text]).encode("cp1252").decode(find(file_of([text]).encode("cp1252")).name) == file_of([text])


@given(st.binary(max_size=400))
def test_no_bytes_break_the_search(content):
    """Whatever a file holds, a codec that exists is named."""
    content.decode(find(content).name, "replace")


def test_every_language_is_known():
    """A letter that a language lacks costs more than one it has."""
    letters, latin = likelihood._languages("cp1250")[0]
    assert latin
    assert likelihood._likelihood("Łódź", letters, True) < 0


@given(
    st.lists(
        st.sampled_from(NAMES["German"].split() + NAMES["French"].split() + ["a+b", "x&y"]), min_size=1, max_size=30
    )
)
def test_the_shifted_letters_of_utf7_are_read(words):
    """ASCII throughout, so that only the form `+AOk-` tells."""
    content = "id,name\n" + "".join(f"{n},{word}\n" for n, word in enumerate(words))
    found = encoding.find(lambda: contextlib.nullcontext(io.BytesIO(content.encode("utf-7"))))
    letters = {c for c in content if c >= "\u00a0"}
    assert found.name == ("utf-7" if letters else "utf-8")
    assert found.sure == (len(letters) not in (1, 2))
    assert content.encode("utf-7").decode(found.name) == content or not letters


@pytest.mark.parametrize(
    "text",
    ["phone\n+49-170 123\n", "mail\nann+tag-x@mail.example\n", "C+AOk-\n1 + 1\n", "+AAA-\n", "+2D0-\n", "a+b\n"],
)  # fmt: skip
def test_a_plus_of_its_own_shows_that_a_file_is_not_utf7(text):
    """Numbers, tags of addresses, sums."""
    assert encoding.find(lambda: contextlib.nullcontext(io.BytesIO(text.encode()))).name == "utf-8"
