use proptest::prelude::*;

use super::*;

fn words(text: &str) -> Part {
    Part::Words { text: text.to_owned(), prosody: Prosody::PLAIN }
}

fn refusal(text: &str) -> String {
    parse(text).unwrap_err().to_string().lines().next().unwrap().to_owned()
}

#[test]
fn plain_text_stays_plain_whatever_is_in_it() {
    for text in
        ["Tom & Jerry < 3 > 2", "<b>gras</b>", "<speaker> allô", "a <speak>b</speak>", "&amp; 5 €", "<", ""]
    {
        assert_eq!(parse(text).unwrap(), [words(text)], "{text}");
    }
}

#[test]
fn the_whole_subset_is_read() {
    let text = "<speak version=\"1.1\">Bonjour &amp; <break time='300ms'/>\
                <prosody rate=\"slow\" volume=\"-6dB\">le <say-as interpret-as=\"digits\">42</say-as></prosody>\
                <sub alias=\"euros\">€</sub></speak>\n";
    let slow = Prosody { speed_percent: 80, gain_db: -6.0 };
    let parts = parse(text).unwrap();
    assert_eq!(parts[0], words("Bonjour & "));
    assert_eq!(parts[1], Part::Pause(Duration::from_millis(300)));
    assert_eq!(parts[2], Part::Words { text: "le ".into(), prosody: slow });
    let Part::Signs { text, say_as, prosody, .. } = &parts[3] else { panic!("{:?}", parts[3]) };
    assert_eq!((text.as_str(), *say_as, *prosody), ("42", SayAs::Digits, slow));
    assert_eq!(parts[4], words("euros"));
    assert_eq!(parts.len(), 5);
}

#[test]
fn prosody_multiplies_inwards_within_what_a_voice_can_do() {
    let nested = |rate: &str| {
        parse(&format!("<speak><prosody rate='80%'><prosody rate='{rate}'>a</prosody></prosody></speak>"))
    };
    let Part::Words { prosody, .. } = &nested("90%").unwrap()[0] else { panic!("words") };
    assert_eq!(prosody.speed_percent, 72);
    assert!(matches!(nested("60%").unwrap_err().problem, Problem::Prosody { what: "speed", .. }));
}

#[test]
fn what_is_not_in_the_subset_is_refused_by_name_and_place() {
    for (text, expected) in [
        ("<speak>\n é <audio src='x'/></speak>", "line 2, column 4: element <audio> is not supported"),
        (
            "<speak xml:lang='fr'>a</speak>",
            "line 1, column 1: attribute `xml:lang` of <speak> is not supported",
        ),
        ("<speak><break/></speak>", "line 1, column 8: <break> needs `time`"),
        ("<speak><break time='1e9s'/></speak>", "`time` of <break> has to be a time of at most 10s"),
        ("<speak><break time='1s' time='1s'/></speak>", "attribute `time` of <break> stands twice"),
        ("<speak><prosody>a</prosody></speak>", "<prosody> needs `rate` or `volume`"),
        ("<speak><prosody rate='400%'>a</prosody></speak>", "`rate` of <prosody> has to be"),
        ("<speak><prosody volume='nandB'>a</prosody></speak>", "`volume` of <prosody> has to be"),
        (
            "<speak><say-as interpret-as='time'>1</say-as></speak>",
            "`interpret-as` of <say-as> has to be digits",
        ),
        ("<speak><say-as interpret-as='digits' format='dmy'>1</say-as></speak>", "only for a date"),
        ("<speak><say-as interpret-as='digits'/></speak>", "<say-as> without text"),
        ("<speak><sub alias='a'><break time='1s'/></sub></speak>", "<break> may not stand inside <sub>"),
        ("<speak><speak>a</speak></speak>", "<speak> may not stand inside <speak>"),
        ("<speak>a & b</speak>", "line 1, column 10: `&` that starts no known entity"),
        ("<speak>1 < 2</speak>", "line 1, column 10: `<` that starts no tag"),
        ("<speak><!-- a --></speak>", "a comment is not supported"),
        ("<speak><![CDATA[a]]></speak>", "CDATA is not supported"),
        ("<speak>a", "<speak> is not closed"),
        ("<speak><prosody rate='slow'>a</speak>", "<prosody> is not closed"),
        ("<speak>a</speak> b", "line 1, column 17: there is more behind </speak>"),
        ("<speak>a</speak><speak>b</speak>", "there is more behind </speak>"),
        ("<speak>a</speak", "a tag that is not finished"),
        ("<speak a>b</speak>", "an attribute without a value in quotes"),
    ] {
        let found = refusal(text);
        assert!(found.contains(expected), "{text}: {found}");
    }
}

#[test]
fn limits_hold() {
    let deep = "<prosody rate='medium'>".repeat(DEPTH_MAX);
    assert!(refusal(&format!("<speak>{deep}")).contains("more than 8 elements"));
    assert!(
        refusal(&format!("<speak>{}", "<break time='1ms'/>".repeat(PARTS_MAX + 1))).contains("256 parts")
    );
    assert!(refusal(&format!("<speak>{}", "<break time='6s'/>".repeat(2))).contains("10 s of pauses"));
    assert!(refusal(&"a".repeat(BYTES_MAX + 1)).contains("16385 bytes"));
}

#[test]
fn neither_problems_nor_parts_show_what_is_said() {
    let parts = parse("<speak>secret<say-as interpret-as='digits'>4970</say-as></speak>").unwrap();
    let shown = format!("{parts:?}");
    assert!(!shown.contains("secret") && !shown.contains("4970"), "{shown}");
    for text in
        ["<speak>secret & more</speak>", "<speak><sub alias='secret'>secret", "<speak>a</speak>secret"]
    {
        assert!(!refusal(text).contains("secret"));
    }
}

/// Pieces that make texts near the subset, right and wrong.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "<speak>",
        "</speak>",
        "<prosody rate='90%'>",
        "<prosody volume=\"soft\">",
        "</prosody>",
        "<break time='20ms'/>",
        "<sub alias='x'>",
        "</sub>",
        "<say-as interpret-as='digits'>",
        "</say-as>",
        "12",
        " mot ",
        "é",
        "&amp;",
        "&",
        "<",
        ">",
        "\n",
        "/>",
        "='",
        "&#x20AC;",
        "<!--",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| format!("<speak>{}", pieces.concat()))
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_with_a_place_in_it(text in prop_oneof![pieces(), "<speak>\\PC{0,80}</speak>"]) {
        match parse(&text) {
            Ok(parts) => prop_assert!(parts.len() <= PARTS_MAX),
            Err(refused) => {
                let line = text.split('\n').nth(refused.place.line - 1);
                prop_assert!(line.is_some_and(|line| refused.place.column <= line.chars().count() + 1));
            }
        }
    }

    #[test]
    fn escaped_words_come_out_as_they_were(text in "\\PC{1,60}") {
        let escaped = text.replace('&', "&amp;").replace('<', "&lt;");
        let parts = parse(&format!("<speak>{escaped}</speak>")).unwrap();
        prop_assert_eq!(parts, vec![words(&text)]);
    }

    #[test]
    fn a_text_without_the_tag_is_one_part(text in "[^<]\\PC{0,60}") {
        prop_assume!(!is_markup(&text));
        prop_assert_eq!(parse(&text).unwrap(), vec![words(&text)]);
    }
}
