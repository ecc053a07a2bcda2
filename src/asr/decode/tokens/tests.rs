use proptest::prelude::*;

use super::*;

fn vocabulary(tokens: &[&str]) -> Vocabulary {
    Vocabulary::new(tokens.iter().map(|token| token.as_bytes().to_vec()).collect(), MULTILINGUAL_SIZE)
        .unwrap()
}

fn of_size(size: usize) -> Vocabulary {
    Vocabulary::new(Vec::new(), size).unwrap()
}

#[test]
fn special_tokens_are_where_each_size_of_model_has_them() {
    let specials = |size: usize| {
        let v = of_size(size);
        assert_eq!(v.start_of_lm(), v.transcribe() + 1);
        let tasks = [v.translate(), v.transcribe(), v.start_of_previous(), v.no_speech(), v.no_timestamps()];
        (v.is_multilingual(), v.eot(), v.sot(), tasks, v.first_timestamp())
    };
    let tasks = [50_357, 50_358, 50_360, 50_361, 50_362];
    assert_eq!(specials(51_864), (false, 50_256, 50_257, tasks, 50_363));
    let tasks = [50_358, 50_359, 50_361, 50_362, 50_363];
    assert_eq!(specials(51_865), (true, 50_257, 50_258, tasks, 50_364));
    let tasks = [50_359, 50_360, 50_362, 50_363, 50_364];
    assert_eq!(specials(51_866), (true, 50_257, 50_258, tasks, 50_365));
    for size in [0, 50_257, 51_863, 51_867, usize::MAX] {
        assert_eq!(Vocabulary::new(Vec::new(), size).err(), Some(Error::VocabularySize { size }));
    }
}

#[test]
fn languages_have_the_order_of_their_tokens() {
    let v = of_size(51_865);
    let known = ["en", "fr", "nl", "haw", "su"].map(|code| v.language(code));
    assert_eq!(known, [50_259, 50_265, 50_271, 50_352, 50_357].map(Some));
    assert_eq!([v.language("yue"), v.language("xx"), v.language("")], [None; 3]);
    assert_eq!(of_size(51_866).language("yue"), Some(50_358));
    assert_eq!((v.languages(), of_size(51_866).languages()), (50_259..50_358, 50_259..50_359));
    assert_eq!(of_size(51_864).language("en"), None, "a model of English only takes no language");
    let mut codes = languages::CODES.to_vec();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), 100);
}

#[test]
fn time_stamps_fill_the_rest_of_the_vocabulary() {
    for size in [ENGLISH_SIZE, MULTILINGUAL_SIZE, LARGE_V3_SIZE] {
        let v = of_size(size);
        assert_eq!(v.timestamp_position(v.no_timestamps()), None);
        assert_eq!(v.timestamp_position(v.first_timestamp()), Some(0));
        assert_eq!(v.timestamp_position(v.size() - 1), Some(1_500));
        assert_eq!(v.timestamp_position(v.size()), None);
        assert_eq!(v.timestamp_position(u32::MAX), None);
    }
}

#[test]
fn ids_without_text_have_no_bytes() {
    let v = vocabulary(&["a", " b"]);
    assert_eq!((v.bytes(0), v.bytes(1)), (&b"a"[..], &b" b"[..]));
    assert!([2, v.eot(), v.size(), u32::MAX].iter().all(|id| v.bytes(*id).is_empty()));
    assert!(v.is_text(v.eot() - 1) && !v.is_text(v.eot()));
}

#[test]
fn what_is_listed_behind_the_text_tokens_is_left_out() {
    let mut tokens = vec![b"x".to_vec(); 50_257];
    tokens.push(b"<|endoftext|>".to_vec());
    let v = Vocabulary::new(tokens.clone(), MULTILINGUAL_SIZE).unwrap();
    assert!(v.bytes(50_257).is_empty());
    assert_eq!(v.bytes(50_256), b"x");
    assert!(Vocabulary::new(tokens, ENGLISH_SIZE).unwrap().bytes(50_256).is_empty());
}

#[test]
fn the_pair_with_the_lowest_id_is_joined_first() {
    let check = |tokens: &[&str], text: &str, expected: &[u32]| {
        assert_eq!(vocabulary(tokens).encode(text), expected, "{text}");
    };
    check(&["a", "b", "c", "bc", "ab"], "abc", &[0, 3]);
    check(&["a", "b", "c", "ab", "bc"], "abc", &[3, 2]);
    check(&["a", "b", "c", "ab", "abc"], "abc", &[4]);
    check(&["a", "aa"], "aaaaa", &[1, 1, 0]);
    // A whole piece is its token even where no joining leads to it.
    check(&["a", "b", "c", "abc"], "abc", &[3]);
    check(&["a", "b", "c", "abc"], "abcc", &[0, 1, 2, 2]);
    // Nothing is joined across pieces.
    check(&["a", ",", "a,"], "a,a", &[0, 1, 0]);
    check(&["a", " ", " a"], "a a  a", &[0, 2, 1, 2]);
    // Of two ids with the same bytes the lower is meant; an empty one is never meant.
    check(&["", "a", "a"], "aa", &[1, 1]);
    check(&["a"], "bab", &[0]);
    check(&["a"], "", &[]);
    assert_eq!((vocabulary(&["a"]).spell("aa"), vocabulary(&["a"]).spell("ab")), (Some(vec![0, 0]), None));
    check(&["<", "|", ">", "e", "n"], "<|en|>", &[0, 1, 3, 4, 1, 2]);
}

#[test]
fn signs_that_are_no_speech_are_suppressed() {
    let v = vocabulary(&["#", " #", "-", " -", "'", " '", "--", " <<", "♪♪", ",", ".", "a", "\"", "'s", "♪"]);
    let mut expected = vec![0, 1, 3, 5, 6, 7, 8, 12, 14];
    expected.extend(50_258..=50_362);
    assert_eq!(v.suppressed(), expected);
    for id in [v.eot(), v.no_timestamps(), v.first_timestamp()] {
        assert!(!v.suppressed().contains(&id));
    }
}

#[test]
fn notes_are_suppressed_by_the_token_that_they_begin_with() {
    let tokens =
        vec![b"\xe2\x99".to_vec(), b"\xaa".to_vec(), b" \xe2\x99".to_vec(), b"(".to_vec(), b"#(".to_vec()];
    let v = Vocabulary::new(tokens, MULTILINGUAL_SIZE).unwrap();
    // Two notes are three tokens and more; `#(` is not on the list.
    assert_eq!(v.suppressed()[..4], [0, 2, 3, 50_258]);
}

#[test]
fn a_text_may_begin_neither_with_a_lone_space_nor_with_its_end() {
    assert_eq!(vocabulary(&["a", " "]).blank(), [1, 50_257]);
    assert_eq!(of_size(ENGLISH_SIZE).blank(), [50_256]);
}

#[test]
fn a_very_long_word_is_encoded_in_bounded_steps() {
    let v = vocabulary(&["a", "aa", "aaaa"]);
    assert_eq!(v.encode(&"a".repeat(100_001)).len(), 25_001);
}

/// Every byte, and some unions of bytes that are tokens.
fn byte_level(unions: &[String]) -> Vocabulary {
    let bytes = (0..=u8::MAX).map(|byte| vec![byte]);
    let tokens = bytes.chain(unions.iter().map(|union| union.as_bytes().to_vec())).collect();
    Vocabulary::new(tokens, MULTILINGUAL_SIZE).unwrap()
}

/// Joining as it is defined, on a list of byte strings.
fn joined_naively(v: &Vocabulary, piece: &str) -> Vec<u32> {
    let id = |bytes: &[u8]| (0..v.eot()).find(|id| v.bytes(*id) == bytes && !bytes.is_empty());
    if let Some(whole) = id(piece.as_bytes()) {
        return vec![whole];
    }
    let mut parts: Vec<Vec<u8>> = piece.bytes().map(|byte| vec![byte]).collect();
    loop {
        let pairs = parts.windows(2).map(|pair| pair.concat());
        let Some((_, at)) = pairs.enumerate().filter_map(|(at, pair)| Some((id(&pair)?, at))).min() else {
            return parts.iter().filter_map(|part| id(part)).collect();
        };
        let next = parts.remove(at + 1);
        parts[at].extend(next);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn tokens_give_the_text_back(
        unions in proptest::collection::vec("[ a-dé,]{2,4}", 0..20),
        text in "[ a-dé,']{0,30}|\\PC{0,20}",
    ) {
        let v = byte_level(&unions);
        let bytes: Vec<u8> = v.encode(&text).iter().flat_map(|id| v.bytes(*id).to_vec()).collect();
        prop_assert_eq!(String::from_utf8(bytes).unwrap(), text);
    }

    #[test]
    fn joining_is_what_its_definition_says(
        unions in proptest::collection::vec("[a-c]{2,4}", 0..20),
        piece in "[a-c]{1,12}",
    ) {
        let v = byte_level(&unions);
        prop_assert_eq!(v.encode(&piece), joined_naively(&v, &piece));
    }
}
