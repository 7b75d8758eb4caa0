"""Words in times: the months of nine languages, and the abbreviations of zones that only one zone uses."""

from __future__ import annotations

# English, German, French, Spanish, Italian, Portuguese, Dutch, Swedish and Danish, in full and short.
MONTHS = {
    name: number
    for number, names in enumerate(
        ("jan january januar jänner janvier janv enero ene gennaio gen janeiro januari",
         "feb february februar février fevrier févr fev febrero febbraio fevereiro februari",
         "mar march märz mrz mars marzo março marco maart mrt marts",
         "apr april avril avr abril abr aprile",
         "may mai mayo maggio mag maio mei maj",
         "jun june juni juin junio giugno giu junho",
         "jul july juli juillet juil julio luglio lug julho",
         "aug august août aout agosto ago augustus augusti",
         "sep sept september septembre septiembre settembre set setembro",
         "oct october oktober okt octobre octubre ottobre ott outubro out",
         "nov november novembre noviembre novembro",
         "dec december dezember dez décembre decembre déc diciembre dic dicembre dezembro"),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
OFFSETS_HOURS = {
    "Z": 0, "UTC": 0, "GMT": 0, "UT": 0, "WET": 0, "WEST": 1, "CET": 1, "CEST": 2, "MEZ": 1, "MESZ": 2, "EET": 2,
    "EEST": 3, "MSK": 3, "SAST": 2, "PKT": 5, "WIB": 7, "HKT": 8, "SGT": 8, "AWST": 8, "JST": 9, "KST": 9,
    "ACST": 9.5, "ACDT": 10.5, "AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13, "EST": -5, "EDT": -4, "MST": -7,
    "MDT": -6, "PST": -8, "PDT": -7, "AKST": -9, "AKDT": -8, "HST": -10, "NDT": -2.5,
}  # fmt: skip
OFFSETS_HOURS_RFC_2822 = {"CST": -6, "CDT": -5}
