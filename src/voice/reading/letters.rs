//! Names of letters and signs, written so that a voice that reads words says them.

use unicode_normalization::UnicodeNormalization;

use crate::call::Language;

const FR: [&str; 26] = [
    "a",
    "bé",
    "cé",
    "dé",
    "e",
    "effe",
    "gé",
    "ache",
    "i",
    "ji",
    "ka",
    "elle",
    "emme",
    "enne",
    "o",
    "pé",
    "cu",
    "erre",
    "esse",
    "té",
    "u",
    "vé",
    "double vé",
    "ixe",
    "i grec",
    "zède",
];
const EN: [&str; 26] = [
    "ay",
    "bee",
    "see",
    "dee",
    "ee",
    "eff",
    "gee",
    "aitch",
    "eye",
    "jay",
    "kay",
    "ell",
    "em",
    "en",
    "oh",
    "pee",
    "cue",
    "are",
    "ess",
    "tee",
    "you",
    "vee",
    "double you",
    "ex",
    "why",
    "zed",
];
const NL: [&str; 26] = [
    "aa", "bee", "cee", "dee", "ee", "ef", "gee", "haa", "ie", "jee", "kaa", "el", "em", "en", "oo", "pee",
    "kuu", "er", "es", "tee", "uu", "vee", "wee", "iks", "ij", "zet",
];

/// The name of `sign`, or `None` for one that has none on the telephone.
pub fn name(sign: char, language: Language) -> Option<String> {
    let mut decomposed = sign.nfd().flat_map(char::to_lowercase);
    let base = decomposed.next()?;
    let marks: Vec<char> = decomposed.collect();
    let letter = match base {
        'a'..='z' => names(language)[base as usize - 'a' as usize],
        _ if marks.is_empty() => return signs(base, language).map(str::to_owned),
        _ => return None,
    };
    match marks.as_slice() {
        [] => Some(letter.to_owned()),
        [mark] => accent(*mark, language).map(|accent| format!("{letter} {accent}")),
        _ => None,
    }
}

const fn names(language: Language) -> &'static [&'static str; 26] {
    match language {
        Language::Fr => &FR,
        Language::En => &EN,
        Language::Nl => &NL,
    }
}

fn accent(mark: char, language: Language) -> Option<&'static str> {
    let [fr, en, nl] = match mark {
        '\u{301}' => ["accent aigu", "acute", "accent aigu"],
        '\u{300}' => ["accent grave", "grave", "accent grave"],
        '\u{302}' => ["accent circonflexe", "circumflex", "accent circonflexe"],
        '\u{308}' => ["tréma", "with two dots", "trema"],
        '\u{327}' => ["cédille", "cedilla", "cedille"],
        _ => return None,
    };
    Some(chosen(language, [fr, en, nl]))
}

fn signs(sign: char, language: Language) -> Option<&'static str> {
    let names = match sign {
        '-' => ["tiret", "dash", "streepje"],
        '_' => ["tiret bas", "underscore", "laag streepje"],
        '.' => ["point", "dot", "punt"],
        ',' => ["virgule", "comma", "komma"],
        '/' => ["barre oblique", "slash", "schuine streep"],
        '@' => ["arobase", "at", "apenstaartje"],
        '+' => ["plus", "plus", "plus"],
        '#' => ["dièse", "hash", "hekje"],
        '*' => ["étoile", "star", "sterretje"],
        '€' => ["euros", "euros", "euro"],
        '$' => ["dollars", "dollars", "dollar"],
        '£' => ["livres", "pounds", "pond"],
        '%' => ["pour cent", "percent", "procent"],
        '°' => ["degrés", "degrees", "graden"],
        '=' => ["égale", "equals", "is gelijk aan"],
        '&' => ["et commercial", "ampersand", "en-teken"],
        '\'' | '’' => ["apostrophe", "apostrophe", "apostrof"],
        _ => return None,
    };
    Some(chosen(language, names))
}

const fn chosen(language: Language, [fr, en, nl]: [&'static str; 3]) -> &'static str {
    match language {
        Language::Fr => fr,
        Language::En => en,
        Language::Nl => nl,
    }
}
