//! E-mail and web addresses: `jean point dupont arobase gmail point com`.

use std::ops::Range;

use super::numbers::Reader;
use super::spelling;
use super::words::{Gap, Words};
use super::{Located, Value};
use crate::call::Language;

/// A piece of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    what: What,
    /// The words it was read from; none for a full stop between two of them.
    words: Range<usize>,
    before: Gap,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    /// Letters and digits.
    Text(String),
    /// `.`, `-`, `_`, `/`, `:`, `+`
    Mark(char),
    At,
    Other,
}

/// An address with the words it was read from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Address {
    pub words: Range<usize>,
    pub text: String,
    pub score: f32,
}

/// Endings of domains that need no spelling; others are taken when they are spelled or end the text.
const ENDINGS: &str = "com fr be nl net org eu uk lu ch de it es pt ie info io edu gov co biz me tv app dev ai ca us \
    pro paris brussels amsterdam vlaanderen shop online site name mobi re bzh";

/// Words in front of an address that are no piece of it.
const LEADS: &str = "a as c ce cest est et de d du la le les l mon ma mes mail email e adresse courriel suis donc \
    alors oui non euh voila sur par pour vous moi ecrivez ecrire envoyez message it it's is my \
    address the to at that's and so uh um send write yes het mijn adres mailadres naar op en ja eh \
    van aan stuur mailen envoyer merci s who with dit dat un une een an bonjour hello hallo tout \
    attache";

/// E-mail addresses, for [`super::Kind::Email`].
pub(super) fn find(words: &Words<'_>) -> Vec<Located> {
    emails(words)
        .into_iter()
        .map(|address| Located {
            value: Value::Email(address.text),
            words: address.words,
            score: address.score,
        })
        .collect()
}

/// E-mail addresses from left to right.
pub(super) fn emails(words: &Words<'_>) -> Vec<Address> {
    let pieces = pieces(words);
    let mut found: Vec<Address> = Vec::new();
    let mut free = 0;
    for at in 0..pieces.len() {
        if pieces[at].what != What::At || at < free {
            continue;
        }
        let Some((end, domain)) = domain(&pieces, at + 1) else { continue };
        let Some(local) = local(&pieces, free..at) else { continue };
        found.push(Address {
            words: pieces[local.first].words.start..pieces[end - 1].words.end,
            text: format!("{}@{domain}", local.text),
            score: if local.is_guessed { 0.7 } else { 0.93 },
        });
        free = end;
    }
    found
}

/// Web addresses and bare domains, from left to right.
pub(super) fn webs(words: &Words<'_>) -> Vec<Address> {
    let pieces = pieces(words);
    let mut found = Vec::new();
    let mut at = 0;
    while at < pieces.len() {
        match web_at(&pieces, at) {
            Some((end, text)) => {
                let words = pieces[at].words.start..pieces[end - 1].words.end;
                found.push(Address { words, text, score: 0.9 });
                at = end;
            }
            None => at += 1,
        }
    }
    found
}

fn web_at(pieces: &[Piece], at: usize) -> Option<(usize, String)> {
    let (mut end, mut text) = scheme(pieces, at).unwrap_or((at, String::new()));
    let (behind, name) = domain(pieces, end)?;
    // `chez exemple point fr`: words before the name are no piece of it.
    let joins_words = pieces[end..behind]
        .windows(2)
        .take_while(|pair| is_text(&pair[1]))
        .any(|pair| pair[1].before == Gap::Space && [&pair[0], &pair[1]].into_iter().all(is_long_text));
    if joins_words {
        return None;
    }
    text.push_str(&name);
    end = behind;
    while let Some(What::Mark('/')) = pieces.get(end).map(|piece| &piece.what) {
        let Some((behind, path)) = spelled_or_word(pieces, end + 1) else { break };
        text.push('/');
        text.push_str(&path);
        end = behind;
    }
    Some((end, text))
}

/// `h t t p s colon slash slash`
fn scheme(pieces: &[Piece], at: usize) -> Option<(usize, String)> {
    let (end, mut text) = spelled_or_word(pieces, at)?;
    let marks: String = (end..end + 3)
        .filter_map(|at| match pieces.get(at)?.what {
            What::Mark(mark) => Some(mark),
            What::Text(_) | What::At | What::Other => None,
        })
        .collect();
    (matches!(text.as_str(), "http" | "https") && marks == "://").then(|| {
        text.push_str(&marks);
        (end + 3, text)
    })
}

/// `gmail point com`: the piece behind it. Labels that no ending follows are no domain.
fn domain(pieces: &[Piece], at: usize) -> Option<(usize, String)> {
    let (mut end, mut name) = label(pieces, at)?;
    let mut ended = None;
    while let Some(What::Mark('.')) = pieces.get(end).map(|piece| &piece.what) {
        let Some(label) = label_behind_dot(pieces, end + 1) else { break };
        name.push('.');
        name.push_str(&label.text);
        end = label.end;
        if label.is_ending {
            ended = Some((end, name.clone()));
        }
    }
    ended
}

/// The first label: words go on to the next dot (`la poste point net`), or there is one word.
fn label(pieces: &[Piece], at: usize) -> Option<(usize, String)> {
    let mut text = text_at(pieces, at)?.to_owned();
    let mut end = at + 1;
    loop {
        match pieces.get(end).map(|piece| (&piece.what, piece.before)) {
            Some((What::Mark(mark @ ('-' | '_')), _)) => {
                let Some(next) = text_at(pieces, end + 1) else { break };
                text.push(*mark);
                text.push_str(next);
                end += 2;
            }
            Some((What::Text(next), gap)) if joins(gap) && (gap == Gap::None || dot_follows(pieces, end)) => {
                if gap == Gap::Hyphen {
                    text.push('-');
                }
                text.push_str(next);
                end += 1;
            }
            _ => break,
        }
    }
    Some((end, text))
}

struct Label {
    end: usize,
    text: String,
    is_ending: bool,
}

/// A label behind a dot: a known ending, what goes on to a next dot, or letters that are spelled.
fn label_behind_dot(pieces: &[Piece], at: usize) -> Option<Label> {
    let first = text_at(pieces, at)?;
    if is_among(ENDINGS, first) {
        return Some(Label { end: at + 1, text: first.to_owned(), is_ending: true });
    }
    let (end, text) = label(pieces, at)?;
    if matches!(pieces.get(end).map(|piece| &piece.what), Some(What::Mark('.'))) {
        return Some(Label { end, text, is_ending: false });
    }
    let is_ending =
        |text: &str| (2..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase());
    let (end, text) = spelled_or_word(pieces, at).filter(|(_, text)| is_ending(text))?;
    Some(Label { end, text, is_ending: true })
}

/// Letters one by one, or one word.
fn spelled_or_word(pieces: &[Piece], at: usize) -> Option<(usize, String)> {
    let mut text = text_at(pieces, at)?.to_owned();
    let mut end = at + 1;
    if text.len() == 1 {
        while let Some(next) = text_at(pieces, end).filter(|next| next.len() == 1) {
            if !joins(pieces[end].before) {
                break;
            }
            text.push_str(next);
            end += 1;
        }
    }
    Some((end, text))
}

/// What stands before the at-sign.
struct Local {
    first: usize,
    text: String,
    /// Whether words were joined that may be no part of it.
    is_guessed: bool,
}

/// Words that may be joined on a guess: `marie durand arobase`.
const GUESSED_MAX: usize = 1;

fn local(pieces: &[Piece], among: Range<usize>) -> Option<Local> {
    let mut first = among.end.checked_sub(1).filter(|at| *at >= among.start)?;
    let mut text = text_at(pieces, first)?.to_owned();
    let (mut guessed, mut has_mark) = (0, false);
    while first > among.start {
        let gap = pieces[first].before;
        let previous = &pieces[first - 1];
        match &previous.what {
            What::Mark(mark @ ('.' | '-' | '_' | '+')) => {
                if first < among.start + 2 {
                    break;
                }
                let Some(before) = text_at(pieces, first - 2) else { break };
                text = format!("{before}{mark}{text}");
                has_mark = true;
                first -= 2;
            }
            What::Text(before) if joins(gap) => {
                let current = text_at(pieces, first).unwrap_or_default();
                let is_spelled = before.len() == 1 && current.len() == 1;
                let is_number = current.bytes().all(|byte| byte.is_ascii_digit());
                // `piet punt de jong`: a mark further left binds what follows it.
                let is_bound = first >= among.start + 3
                    && matches!(pieces[first - 2].what, What::Mark('.' | '-' | '_'))
                    && text_at(pieces, first - 3).is_some();
                let is_sure =
                    is_bound || gap != Gap::Space || is_spelled || (is_number && !is_among(LEADS, before));
                if !is_sure {
                    if has_mark || guessed >= GUESSED_MAX || before.len() == 1 || is_among(LEADS, before) {
                        break;
                    }
                    guessed += 1;
                }
                let dash = if gap == Gap::Hyphen { "-" } else { "" };
                text = format!("{before}{dash}{text}");
                first -= 1;
            }
            What::Text(_) | What::Mark(_) | What::At | What::Other => break,
        }
    }
    Some(Local { first, text, is_guessed: guessed > 0 })
}

/// Whether `word` is one of the words of `list`.
fn is_among(list: &str, word: &str) -> bool {
    list.split(' ').any(|known| known == word)
}

fn is_text(piece: &Piece) -> bool {
    matches!(piece.what, What::Text(_))
}

fn is_long_text(piece: &Piece) -> bool {
    matches!(&piece.what, What::Text(text) if text.len() > 1)
}

fn text_at(pieces: &[Piece], at: usize) -> Option<&str> {
    match &pieces.get(at)?.what {
        What::Text(text) => Some(text),
        What::Mark(_) | What::At | What::Other => None,
    }
}

fn joins(gap: Gap) -> bool {
    matches!(gap, Gap::None | Gap::Space | Gap::Hyphen)
}

/// Whether a dot comes behind the text at `at`: after one more word, or after letters that are spelled.
fn dot_follows(pieces: &[Piece], at: usize) -> bool {
    let mut words = 0;
    for piece in &pieces[at..] {
        match &piece.what {
            What::Text(text) if joins(piece.before) => words += usize::from(text.len() > 1),
            What::Mark('.' | '-' | '_') => return true,
            What::Text(_) | What::Mark(_) | What::At | What::Other => return false,
        }
        if words > 1 {
            return false;
        }
    }
    false
}

fn pieces(words: &Words<'_>) -> Vec<Piece> {
    let mut pieces = Vec::with_capacity(words.len());
    let mut at = 0;
    while at < words.len() {
        let mut before = words.gap(at);
        if let Gap::Tight(mark @ ('.' | '/' | ':')) = before {
            pieces.push(Piece { what: What::Mark(mark), words: at..at, before: Gap::None });
            before = Gap::None;
        }
        let (end, what) = piece_at(words, at);
        pieces.push(Piece { what, words: at..end, before });
        at = end;
    }
    pieces
}

fn piece_at(words: &Words<'_>, at: usize) -> (usize, What) {
    if let Some(piece) = mark_at(words, at) {
        return piece;
    }
    // `m comme Marcel`
    if let Some(letter) =
        spelling::letters_at(words, at).into_iter().find(|letter| letter.cost == 0 && letter.end > at + 1)
    {
        return (letter.end, What::Text(letter.text.to_lowercase()));
    }
    let word = &words.list[at];
    let is_figures = word.text.bytes().all(|byte| byte.is_ascii_digit());
    // Single letters (`o`, `a`) are spelled here.
    if !is_figures
        && word.folded.len() > 1
        && let Some((end, value)) = Reader::new(words, at).cardinal()
    {
        return (end, What::Text(value.to_string()));
    }
    let is_text = word.folded.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (at + 1, if is_text { What::Text(word.folded.clone()) } else { What::Other })
}

fn mark_at(words: &Words<'_>, at: usize) -> Option<(usize, What)> {
    const COMMON: &[(&str, What)] = &[
        ("@", What::At),
        ("_", What::Mark('_')),
        ("+", What::Mark('+')),
        ("underscore", What::Mark('_')),
        ("slash", What::Mark('/')),
    ];
    const FRENCH: &[(&str, What)] = &[
        ("arobase", What::At),
        ("arrobase", What::At),
        ("arobas", What::At),
        ("a robase", What::At),
        ("at", What::At),
        ("point", What::Mark('.')),
        ("tiret", What::Mark('-')),
        ("tiret du milieu", What::Mark('-')),
        ("trait d union", What::Mark('-')),
        ("tiret du six", What::Mark('-')),
        ("tiret bas", What::Mark('_')),
        ("tiret du bas", What::Mark('_')),
        ("tiret du huit", What::Mark('_')),
        ("souligne", What::Mark('_')),
        ("deux points", What::Mark(':')),
        ("barre oblique", What::Mark('/')),
        ("plus", What::Mark('+')),
    ];
    const ENGLISH: &[(&str, What)] = &[
        ("at", What::At),
        ("at sign", What::At),
        ("dot", What::Mark('.')),
        ("point", What::Mark('.')),
        ("dash", What::Mark('-')),
        ("hyphen", What::Mark('-')),
        ("colon", What::Mark(':')),
        ("forward slash", What::Mark('/')),
        ("plus", What::Mark('+')),
    ];
    const DUTCH: &[(&str, What)] = &[
        ("apenstaartje", What::At),
        ("apestaartje", What::At),
        ("apenstaart", What::At),
        ("apenstaartjes", What::At),
        ("at", What::At),
        ("at teken", What::At),
        ("punt", What::Mark('.')),
        ("dot", What::Mark('.')),
        ("streepje", What::Mark('-')),
        ("koppelteken", What::Mark('-')),
        ("liggend streepje", What::Mark('-')),
        ("laag streepje", What::Mark('_')),
        ("streepje laag", What::Mark('_')),
        ("liggend streepje laag", What::Mark('_')),
        ("dubbele punt", What::Mark(':')),
        ("schuine streep", What::Mark('/')),
        ("plus", What::Mark('+')),
    ];
    let own = match words.language {
        Language::Fr => FRENCH,
        Language::En => ENGLISH,
        Language::Nl => DUTCH,
    };
    COMMON
        .iter()
        .chain(own)
        .filter_map(|(phrase, what)| Some((words.phrase_at(at, &[phrase])?, what)))
        .max_by_key(|(length, _)| *length)
        .map(|(length, what)| (at + length, what.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slots::canonical;

    fn check(language: Language, cases: &[(&str, &str)]) {
        for (text, expected) in cases {
            let found = canonical(find(&Words::of(text, language)));
            assert_eq!(found.join(" "), *expected, "{text}");
        }
    }

    #[test]
    fn addresses_are_read() {
        check(
            Language::Fr,
            &[
                ("jean point dupont arobase gmail point com", "jean.dupont@gmail.com"),
                (
                    "mon adresse c'est jean tiret bas dupont arobase la poste point net merci",
                    "jean_dupont@laposte.net",
                ),
                ("c'est m point durand soixante-quinze arobase orange point fr", "m.durand75@orange.fr"),
                ("jean.dupont@gmail.com", "jean.dupont@gmail.com"),
                ("Jean-Marc@free.fr", "jean-marc@free.fr"),
                ("marie durand arobase wanadoo point fr", "mariedurand@wanadoo.fr"),
                ("c'est a b c arobase hot mail point fr", "abc@hotmail.fr"),
                ("j e a n at gmail point com", "jean@gmail.com"),
                ("m comme Marcel point dupuis arobase yahoo point fr", "m.dupuis@yahoo.fr"),
                ("le point de vente", ""),
            ],
        );
        check(
            Language::En,
            &[
                ("it's john dot smith at example dot co dot uk", "john.smith@example.co.uk"),
                ("john underscore smith at gmail dot com please", "john_smith@gmail.com"),
                ("I am at home", ""),
            ],
        );
        check(
            Language::Nl,
            &[
                ("jan punt jansen apenstaartje ziggo punt nl", "jan.jansen@ziggo.nl"),
                ("piet punt de jong at gmail punt com", "piet.dejong@gmail.com"),
                ("mijn adres is piet streepje laag bakker at telenet punt be", "piet_bakker@telenet.be"),
            ],
        );
    }
}
