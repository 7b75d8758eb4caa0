"""Alphabets: the letters by which a language's text is told in one encoding from what it would be in another.

Of languages in Latin letters only those that ASCII lacks, for the others decide nothing; of the others all letters.
The most frequent come first.
"""

from __future__ import annotations

LATIN: dict[str, str] = {
    "German": "üöäß",
    "French": "éèàçêôâîûëïùœ",
    "Spanish": "óíáéñúü",
    "Portuguese": "ãçáéóêíõúâôà",
    "Italian": "àòèùìé",
    "Dutch": "ëéïüöè",
    "Swedish": "åäöé",
    "Danish": "øåæéö",
    "Icelandic": "óíðáúéæöþý",
    "Catalan": "óàéíèçúïòü",
    "Irish": "áíéóú",
    "Polish": "łóśżąęńćź",
    "Czech": "áříéýěčůžšňúťďó",
    "Slovak": "áíéčýžšľúňťóôďäŕĺ",
    "Hungarian": "áéöóüőíúű",
    "Romanian": "ăâîșțşţ",
    "Croatian": "ćčšžđ",
    "Slovenian": "čšž",
    "Turkish": "ışüöçğİâ",
    "Lithuanian": "ėšųžįąčūę",
    "Latvian": "āīēšņļčģžūķ",
    "Estonian": "äõüöšž",
    "Albanian": "ëç",
    "Vietnamese": "đưàáôơăâêéèíóúýảãạếềễệốồộớờợứừựịọụủũòìỉỳ",
}

OTHERS: dict[str, str] = {
    "Russian": "оаеинтсрвлкмдпуяыьгзбчйхжшюцщэфъё",
    "Ukrainian": "оаинівертсклудмпяьзбгйчхцїжшюєщфґ",
    "Bulgarian": "аоиетнрсвлпкдмзъугябчйцжщхшюфь",
    "Serbian": "аоиенјрствукдлмпзгбчшжћцхљњђфџ",
    "Greek": "αοιετσνηυρπκμλςδγθχφβωξζψάέίόήύώϊϋΐΰ",
    "Hebrew": "יוהלאתרשבמנםדעחפקגטסכזןץףךצ",
    "Arabic": "اليمونرتبةعدسفهكقحجشصطخضذثغئزءؤظأإىآپچژگ،؛؟",
    "Thai": "านรกอเ่ยงมลวดท้ตสปไีัิะคพหชขใแจ็ูุโซบผธืณึถฉญฟศษฝฤฒฐภฏฎฑฬฮฆฌๆฯำ์๊๋ๅ",
}

RARE_KANJI_LEAD = {"cp932": 0x98, "euc_jp": 0xD0, "gb18030": 0xD8, "big5": 0xC9, "cp949": 0xC9}
"""The lead byte from which an encoding keeps the characters that are seldom used."""
