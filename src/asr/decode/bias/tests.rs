use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const BOOST: f32 = 2.0;

/// These tokens, and behind them all that is needed to reach them by joining: their beginnings and all bytes.
fn vocabulary(tokens: &[&str]) -> Vocabulary {
    let tokens: Vec<Vec<u8>> = tokens.iter().map(|token| token.as_bytes().to_vec()).collect();
    let beginnings = tokens.iter().flat_map(|token| (2..token.len()).map(|end| token[..end].to_vec()));
    let bytes = (0..=u8::MAX).map(|byte| vec![byte]);
    Vocabulary::new(tokens.iter().cloned().chain(beginnings).chain(bytes).collect(), 51_865).unwrap()
}

fn telephone() -> Vocabulary {
    vocabulary(&["ae", "Ae", "ri", "us", " Ae", " ae", "se", " l"])
}

fn trie(vocabulary: &Vocabulary, names: &[&str]) -> BiasTrie {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    BiasTrie::new(vocabulary, &names, BOOST)
}

/// The bonus of every token, then of the end.
fn bonuses(trie: &BiasTrie, tokens: &[u32]) -> Vec<f32> {
    let mut state = BiasState::default();
    let mut bonuses = Vec::new();
    for token in tokens {
        let (next, bonus) = trie.step(state, *token);
        bonuses.push(bonus);
        state = next;
    }
    bonuses.push(trie.finish(state));
    bonuses
}

fn total(trie: &BiasTrie, tokens: &[u32]) -> f32 {
    bonuses(trie, tokens).iter().sum()
}

#[test]
fn a_name_gains_a_bonus_for_each_of_its_tokens() {
    let v = telephone();
    let trie = trie(&v, &["Aerius"]);
    let name = v.encode(" Aerius").len() as f32;
    assert!(name > 1.0);
    let check = |text: &str, expected: f32| {
        assert_eq!(total(&trie, &v.encode(text)), expected * BOOST, "{text}");
    };
    check(" Aerius", name);
    check(" Aerius,", name);
    check(" Aerius-", name);
    check(" chez Aerius merci", name);
    check(" Aerius Aerius", 2.0 * name);
    check(" aerius", v.encode(" aerius").len() as f32);
    check("Aerius", v.encode("Aerius").len() as f32);
    check(" l'Aerius", v.encode("Aerius").len() as f32);
    check(" Aeri", 0.0);
    check(" Aeri merci", 0.0);
    check(" Aeriusse", 0.0);
    check(" Aeriusé", 0.0);
    check(" laerius", 0.0);
    check("", 0.0);
}

#[test]
fn the_bonus_is_lent_token_by_token_and_taken_back_at_once() {
    let v = vocabulary(&["x", " ab", "cd", "ef", " gh"]);
    let trie = trie(&v, &["abcdef"]);
    assert_eq!(bonuses(&trie, &[0, 1, 2, 3, 4]), [0.0, 2.0, 2.0, 2.0, 0.0, 0.0]);
    assert_eq!(bonuses(&trie, &[1, 2, 0]), [2.0, 2.0, -4.0, 0.0]);
    assert_eq!(bonuses(&trie, &[1, 2]), [2.0, 2.0, -4.0]);
    // The token at which a name is left may begin the next one.
    assert_eq!(bonuses(&trie, &[1, 2, 1, 2, 3]), [2.0, 2.0, -2.0, 2.0, 2.0, 0.0]);
    assert_eq!(bonuses(&trie, &[1, 2, 3, 0]), [2.0, 2.0, 2.0, -6.0, 0.0]);
    for special in [v.eot(), v.first_timestamp(), u32::MAX] {
        assert_eq!(bonuses(&trie, &[1, 2, 3, special]), [2.0, 2.0, 2.0, 0.0, 0.0]);
    }
}

#[test]
fn a_longer_name_goes_on_from_a_shorter_one() {
    let v = vocabulary(&[" Jean", " Martin", " Paul", "ne", ",", " Mar"]);
    let trie = trie(&v, &["Jean", "Jean Martin Paul", "Jeanne"]);
    assert_eq!(total(&trie, &[0, 1, 2]), 3.0 * BOOST);
    // The shorter name stays when the longer one comes to nothing.
    assert_eq!(bonuses(&trie, &[0, 1, 4]), [2.0, 2.0, -2.0, 0.0]);
    assert_eq!(bonuses(&trie, &[0, 1]), [2.0, 2.0, -2.0]);
    assert_eq!(total(&trie, &[0, 5]), BOOST);
    // In a longer word it does not: either that word is a name, or nothing is.
    assert_eq!(total(&trie, &[0, 3]), 2.0 * BOOST);
    assert_eq!(bonuses(&trie, &[0, 3, 3]), [2.0, 2.0, -4.0, 0.0]);
}

#[test]
fn names_are_known_in_every_usual_spelling() {
    assert_eq!(
        spellings(" JEAN-pierre  d'été "),
        ["JEAN-pierre d'été", "jean-pierre d'été", "Jean-Pierre D'Été", "Jean-pierre d'été"]
    );
    assert_eq!(spellings(" "), [""; 4]);
}

#[test]
fn the_search_is_told_what_goes_on_and_what_begins() {
    let v = vocabulary(&[" ab", "cd", " ef", "ab", "'", "x"]);
    let trie = trie(&v, &["abcd", "ab ef", "ef"]);
    let sorted = |state: BiasState| {
        let mut tokens: Vec<u32> = trie.continuations(state).filter(|token| *token < 6).collect();
        tokens.sort_unstable();
        tokens
    };
    let start = BiasState::default();
    assert_eq!(sorted(start), [0, 2, 3]);
    let (inside, _) = trie.step(start, 0);
    assert_eq!(sorted(inside), [0, 1, 2]);
    assert_eq!(trie.continuations(inside).next(), Some(1));
    let (elsewhere, _) = trie.step(start, 5);
    assert_eq!(sorted(elsewhere), [0, 2]);
    let (behind_mark, _) = trie.step(elsewhere, 4);
    assert_eq!(sorted(behind_mark), [0, 2, 3]);
}

#[test]
fn marks_that_are_cut_in_two_end_a_word_and_letters_do_not() {
    let tokens: [&[u8]; 5] = [b" ab", b"\xe2\x80", b"\xc2", b"\xc3", b"\xa9"];
    let v = Vocabulary::new(tokens.iter().map(|token| token.to_vec()).collect(), 51_865).unwrap();
    let trie = trie(&v, &["ab"]);
    let gained: Vec<f32> = (1..5).map(|next| total(&trie, &[0, next])).collect();
    assert_eq!(gained, [BOOST, BOOST, 0.0, 0.0]);
}

#[test]
fn without_names_nothing_happens() {
    let v = telephone();
    for names in [&[][..], &["", "  "]] {
        let trie = trie(&v, names);
        assert!(trie.is_empty(), "{names:?}");
        assert_eq!(bonuses(&trie, &v.encode(" Aerius")).iter().map(|bonus| bonus.abs()).sum::<f32>(), 0.0);
        assert_eq!(trie.continuations(BiasState::default()).count(), 0);
    }
    assert!(!trie(&v, &["Aerius"]).is_empty());
    let endless = BiasTrie::new(&v, &["Aerius".to_owned()], f32::INFINITY);
    assert_eq!(total(&endless, &v.encode(" Aerius")), 0.0);
}

#[test]
fn a_name_that_the_vocabulary_cannot_spell_is_left_out() {
    let v = Vocabulary::new(vec![b" ".to_vec(), b"a".to_vec()], 51_865).unwrap();
    assert!(trie(&v, &["a☃"]).is_empty());
    assert!(!trie(&v, &["a"]).is_empty());
}

#[test]
fn a_state_of_another_tree_does_no_harm() {
    let v = telephone();
    let (mut state, tree) = (BiasState::default(), trie(&v, &["Aerius"]));
    for token in v.encode(" Aeri") {
        state = tree.step(state, token).0;
    }
    let (next, _) = trie(&v, &[]).step(state, 0);
    assert_eq!(trie(&v, &[]).finish(next), 0.0);
}

const SMALL: [&str; 8] = [" a", " b", "a", "b", "ab", ",", " ab", "c"];

fn small_names() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec("[ab]{1,3}( [ab]{1,3}){0,2}", 0..5)
}

fn small_text() -> impl Strategy<Value = Vec<u32>> {
    proptest::collection::vec(prop_oneof![8 => 0_u32..8, 1 => Just(50_257_u32)], 0..12)
}

/// What the tokens should gain, told from the texts of the tokens alone: from left to right the longest way along any
/// name, and of it as much as is a whole name with a word's end behind it.
fn expected_tokens(paths: &BTreeSet<Vec<u32>>, tokens: &[u32]) -> usize {
    let text = |at: usize| SMALL.get(tokens[at] as usize).copied().unwrap_or(" ");
    let is_apart = |at: usize| at == tokens.len() || text(at).starts_with([' ', ',']);
    let may_begin = |at: usize| at == 0 || is_apart(at) || text(at - 1).ends_with([' ', ',']);
    let is_way = |way: &[u32]| paths.iter().any(|path| path.starts_with(way));
    let (mut at, mut gained) = (0, 0);
    while at < tokens.len() {
        let ways = (at + 1..=tokens.len()).take_while(|end| may_begin(at) && is_way(&tokens[at..*end]));
        let Some(end) = ways.last() else {
            at += 1;
            continue;
        };
        let name = (at + 1..=end).rev().find(|end| paths.contains(&tokens[at..*end]) && is_apart(*end));
        gained += name.map_or(0, |end| end - at);
        at = end;
    }
    gained
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn what_is_gained_is_the_bonus_of_the_names_in_the_text(
        names in small_names(),
        tokens in small_text(),
    ) {
        let v = vocabulary(&SMALL);
        let tree = BiasTrie::new(&v, &names, BOOST);
        // The tokens of the text hold no capitals, so the other spellings do not occur.
        let paths: BTreeSet<Vec<u32>> =
            names.iter().flat_map(|name| [v.encode(name), v.encode(&format!(" {name}"))]).collect();
        let gained = total(&tree, &tokens);
        prop_assert_eq!(gained, BOOST * expected_tokens(&paths, &tokens) as f32);
        prop_assert!(gained >= 0.0);
    }

    #[test]
    fn a_step_along_a_continuation_lends_and_any_other_does_not(
        names in small_names(),
        tokens in small_text(),
    ) {
        let v = vocabulary(&SMALL);
        let tree = BiasTrie::new(&v, &names, BOOST);
        let mut state = BiasState::default();
        for token in tokens {
            let told: Vec<u32> = tree.continuations(state).collect();
            let once: BTreeSet<u32> = told.iter().copied().collect();
            prop_assert_eq!(once.len(), told.len());
            for other in 0..9 {
                prop_assert_eq!(tree.step(state, other).0.lent > 0, once.contains(&other));
            }
            state = tree.step(state, token).0;
        }
    }
}
