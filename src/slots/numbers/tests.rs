use super::*;

fn check(language: Language, cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        let words = Words::of(text, language);
        let read = Numeric::at(&words, 0).map(|number| {
            let sign = if number.is_negative { "-" } else { "" };
            let mut read = format!("{sign}{}", number.whole);
            if !number.fraction.is_empty() {
                read += &format!(".{}", number.fraction);
            }
            if number.end < words.len() {
                read += &format!(" [{}]", words.folded(number.end));
            }
            read
        });
        assert_eq!(read.as_deref().unwrap_or("none"), *expected, "{text}");
    }
}

#[test]
fn french_numbers_are_read() {
    check(
        Language::Fr,
        &[
            ("zéro", "0"),
            ("vingt-et-un", "21"),
            ("soixante et onze", "71"),
            ("soixante-dix-sept", "77"),
            ("septante-trois", "73"),
            ("quatre-vingts", "80"),
            ("quatre vingt un", "81"),
            ("Quatre-vingt-dix-neuf", "99"),
            ("nonante-neuf", "99"),
            ("cent", "100"),
            ("deux cent quatre", "204"),
            ("mille neuf cent quatre-vingt-quatre", "1984"),
            ("dix-neuf cent trente", "1930"),
            ("deux mille vingt-six", "2026"),
            ("trois millions deux cent mille quatre", "3200004"),
            ("deux milliards", "2000000000"),
            ("3 millions", "3000000"),
            ("12,50", "12.50"),
            ("1 200", "1200"),
            ("1 200,5", "1200.5"),
            ("06 12", "6 [12]"),
            ("douze virgule zéro cinq", "12.05"),
            ("moins trois", "-3"),
            ("un million cent", "1000100"),
            ("douze, treize", "12 [treize]"),
            ("bonjour", "none"),
            ("et", "none"),
            ("vingt et deux", "20 [et]"),
        ],
    );
}

#[test]
fn english_numbers_are_read() {
    check(
        Language::En,
        &[
            ("forty-two", "42"),
            ("one hundred and five", "105"),
            ("a hundred", "100"),
            ("a thousand two hundred", "1200"),
            ("two thousand and nine", "2009"),
            ("eleven hundred twenty one", "1121"),
            ("three point oh five", "3.05"),
            ("point five", "0.5"),
            ("1,200.50", "1200.50"),
            ("minus seven", "-7"),
            ("a bill", "none"),
            ("five and twenty", "5 [and]"),
        ],
    );
}

#[test]
fn dutch_numbers_are_read() {
    check(
        Language::Nl,
        &[
            ("vijfenzeventig", "75"),
            ("vijf en zeventig", "75"),
            ("drieëndertig", "33"),
            ("achtentachtig", "88"),
            ("zeventien", "17"),
            ("tweehonderdtien", "210"),
            ("honderdeen", "101"),
            ("vijftienhonderd", "1500"),
            ("duizend", "1000"),
            ("tweeduizend zesentwintig", "2026"),
            ("drie komma vijf", "3.5"),
            ("1.200,50", "1200.50"),
            ("vijf en dan", "5 [en]"),
            ("entree", "none"),
            ("achten", "none"),
        ],
    );
}

#[test]
fn ordinals_are_read() {
    for (language, text, value) in [
        (Language::Fr, "premier", 1),
        (Language::Fr, "vingt et unième", 21),
        (Language::Fr, "quatre-vingt-dix-septième", 97),
        (Language::Fr, "vingt-cinq mille cent onzième", 25_111),
        (Language::En, "one hundred twenty first", 121),
        (Language::En, "thousandth", 1_000),
        (Language::Nl, "eenentwintigste", 21),
        (Language::Nl, "vijfde", 5),
        (Language::Nl, "achtste", 8),
    ] {
        let words = Words::of(text, language);
        assert_eq!(Reader::new(&words, 0).ordinal(), Some((words.len(), value)), "{text}");
    }
}

#[test]
fn every_reading_of_a_group_is_offered() {
    let words = Words::of("quatre-vingt-dix-sept", Language::Fr);
    let values: Vec<u32> = Reader::new(&words, 0).groups().into_iter().map(|(_, value)| value).collect();
    assert_eq!(values, [97, 90, 80, 4]);
}
