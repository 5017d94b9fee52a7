"""The calls of the two captures of a box. Every number ends with three digits of its own; `ends.ENDS` says of the two
before them how the end behaves, `conf/extensions.conf` of the first what the exchange does."""

from __future__ import annotations

from ends import Call


def fit_plan() -> list[Call]:
    """First calls one at a time, as far as they are short, then many at once through one trunk number."""
    return [
        Call(0.0, "2001", "231101"),
        Call(0.4, "1101", "231102"),
        Call(1.8, "2003", "232103"),
        Call(3.2, "2004", "333104"),
        Call(3.9, "2005", "234105"),
        Call(4.4, "2006", "335106"),
        Call(4.9, "2007", "236107"),
        Call(6.3, "1102", "237108"),
        Call(7.5, "2009", "338109", "cancels", patience=1.2),
        Call(9.2, "2010", "431110"),
        Call(11.8, "2011", "433111"),
        Call(13.2, "2012", "531112"),
        Call(15.7, "2013", "535113"),
        Call(16.4, "2014", "639114"),
        Call(19.0, "1103", "634115"),
        Call(21.5, "2016", "638116", patience=20),
        Call(22.0, "2017", "731117"),
        Call(23.0, "2018", "831118"),
        Call(24.0, "1104", "931119", talk=3.5),
        Call(25.2, "2020", "034120"),
        Call(25.8, "2021", "041121"),
        Call(26.6, "2022", "242122", "holds"),
        Call(28.4, "2023", "345123"),
        Call(29.0, "2024", "138124"),
        Call(30.0, "alice", "bruno"),
        # Strangers: one trunk number calls for all of them at once.
        Call(33.0, "2026", "331126"),
        Call(33.2, "2027", "331127"),
        Call(33.4, "2028", "333128"),
        Call(33.6, "2029", "331129", talk=0.5),
        Call(33.8, "1105", "338130", "cancels", patience=1.5),
        Call(34.0, "2031", "531131"),
        Call(34.2, "2032", "531132"),
        Call(34.4, "2033", "431133"),
        Call(34.6, "+493023125134", "+4931134"),
        Call(38.0, "2035", "343135"),
        Call(39.0, "2036", "344136"),
        Call(40.0, "2037", "246137", "transfers", refer_to="231138", talk=4),
    ]  # fmt: skip


def check_plan() -> list[Call]:
    """Mostly several at a time, other callers, other ends; the second half in pairs of almost the same second."""
    return [
        Call(0.0, "+498999998201", "+4931201"),
        Call(0.3, "2002", "446202"),
        Call(0.9, "1106", "433203"),
        Call(2.0, "1107", "349204"),
        Call(2.2, "2005", "542205"),
        Call(3.0, "carla.diaz", "daniel"),
        Call(4.6, "erik", "frida"),
        Call(6.0, "+498999998208", "+4939208"),
        Call(6.8, "2009", "347209"),
        Call(7.4, "2010", "348210"),
        Call(8.0, "2011", "240211"),
        Call(8.5, "2012", "334212"),
        Call(9.0, "1108", "035213"),
        Call(11.6, "2014", "040214"),
        Call(12.0, "2015", "638215", "cancels", patience=2.5),
        Call(15.2, "2016", "633216"),
        Call(16.4, "1109", "632217"),
        Call(17.6, "2018", "737218"),
        Call(18.6, "2019", "749219"),
        Call(20.0, "2020", "749220", "cancels", patience=1.5),
        Call(21.0, "2021", "933221", talk=9),
        Call(22.0, "2022", "932222", talk=9),
        Call(23.5, "2023", "837223"),
        Call(24.5, "2024", "845224"),
        Call(25.2, "2025", "331225", "holds"),
        Call(27.0, "1101", "532226"),
        Call(29.0, "2027", "136227"),
        Call(30.0, "1102", "141228"),
        Call(30.5, "1104", "231243", "transfers", refer_to="231244", talk=4),
        # One number, called by several at once, and all of them from the trunk's own number.
        Call(31.6, "2029", "331229", talk=3.5),
        Call(32.4, "2030", "331229", talk=2.0),
        Call(33.2, "2031", "331229", talk=2.5),
        Call(34.0, "1103", "331229"),
        Call(34.9, "2033", "432233"),
        Call(34.95, "2034", "431234"),
        Call(35.1, "2035", "433235"),
        Call(35.15, "2036", "434236"),
        Call(35.3, "2037", "338237", "cancels", patience=1.0),
        Call(35.35, "2038", "338238", "cancels", patience=1.6),
        Call(38.5, "2039", "531239"),
        Call(38.6, "2040", "532240"),
        Call(39.5, "2041", "343241"),
        Call(40.5, "2042", "844242"),
    ]  # fmt: skip
