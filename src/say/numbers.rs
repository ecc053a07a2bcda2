//! Numbers in words.

use crate::call::Language;

/// Gender of what is counted; only French hears it (`vingt et une boîtes`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Gender {
    /// `un`
    #[default]
    Masculine,
    /// `une`
    Feminine,
}

const SCALES: [(u64, [&str; 3]); 4] = [
    (1_000_000_000_000_000, ["billiard", "quadrillion", "biljard"]),
    (1_000_000_000_000, ["billion", "trillion", "biljoen"]),
    (1_000_000_000, ["milliard", "billion", "miljard"]),
    (1_000_000, ["million", "million", "miljoen"]),
];

/// `quarante-deux`, `one hundred and five`, `tweeënveertig`.
pub fn cardinal(number: i64, language: Language) -> String {
    let words = positive(number.unsigned_abs(), language);
    if number < 0 { format!("{} {words}", minus(language)) } else { words }
}

/// A cardinal before a noun of this gender.
pub fn counted(number: i64, language: Language, gender: Gender) -> String {
    let words = cardinal(number, language);
    if language == Language::Fr
        && gender == Gender::Feminine
        && (words == "un" || words.ends_with(" un") || words.ends_with("-un"))
    {
        return words + "e";
    }
    words
}

/// `3,05` as `trois virgule zéro cinq`: zeros behind the sign one by one, the rest as a number in French and Dutch and
/// digit by digit in English. `fraction` holds digits only.
pub fn decimal(whole: i64, fraction: &str, language: Language) -> String {
    let mut words = cardinal(whole, language);
    let digits: Vec<u8> = fraction.bytes().filter(u8::is_ascii_digit).map(|byte| byte - b'0').collect();
    if digits.is_empty() {
        return words;
    }
    words.push_str(match language {
        Language::Fr => " virgule",
        Language::En => " point",
        Language::Nl => " komma",
    });
    let zeros = digits.iter().take_while(|digit| **digit == 0).count();
    let rest = &digits[zeros..];
    let one_by_one = language == Language::En || rest.len() > 3;
    for digit in if one_by_one { &digits[..] } else { &digits[..zeros] } {
        words.push(' ');
        words.push_str(&positive(u64::from(*digit), language));
    }
    if !one_by_one && !rest.is_empty() {
        let value = rest.iter().fold(0, |value, digit| value * 10 + u64::from(*digit));
        words.push(' ');
        words.push_str(&positive(value, language));
    }
    words
}

/// A year: `deux mille vingt-six`, `twenty twenty-six`, `tweeduizend zesentwintig`.
pub fn year(year: i16, language: Language) -> String {
    let number = i64::from(year);
    let (century, rest) = (number / 100, number % 100);
    match language {
        Language::En
            if (11..100).contains(&century) && century % 10 != 0 || (century == 20 && rest >= 10) =>
        {
            let rest = match rest {
                0 => "hundred".to_owned(),
                1..=9 => format!("oh {}", cardinal(rest, language)),
                _ => cardinal(rest, language),
            };
            format!("{} {rest}", cardinal(century, language))
        }
        Language::Nl if (11..20).contains(&century) => {
            let rest = if rest == 0 { String::new() } else { format!(" {}", cardinal(rest, language)) };
            format!("{}honderd{rest}", cardinal(century, language))
        }
        Language::Fr | Language::En | Language::Nl => cardinal(number, language),
    }
}

/// `vingt et unième`, `twenty-first`, `eenentwintigste`; 1 is `premier` or `première`.
pub fn ordinal(number: u32, language: Language, gender: Gender) -> String {
    let words = positive(u64::from(number), language);
    match language {
        Language::Fr => french_ordinal(number, &words, gender),
        Language::En => english_ordinal(&words),
        Language::Nl => dutch_ordinal(number, &words),
    }
}

fn minus(language: Language) -> &'static str {
    match language {
        Language::Fr => "moins",
        Language::En => "minus",
        Language::Nl => "min",
    }
}

fn positive(number: u64, language: Language) -> String {
    if number == 0 {
        return ["zéro", "zero", "nul"][place(language)].to_owned();
    }
    let mut words = Vec::new();
    let mut rest = number;
    for (scale, names) in SCALES {
        let count = rest / scale;
        if count > 0 {
            let name = names[place(language)];
            let plural = if language == Language::Fr && count > 1 { "s" } else { "" };
            words.push(format!("{} {name}{plural}", group(count, language)));
            rest %= scale;
        }
    }
    if rest > 0 {
        // English says `and` before the last hundred: two thousand and six.
        if language == Language::En && rest < 100 && !words.is_empty() {
            words.push("and".to_owned());
        }
        words.push(group(rest, language));
    }
    words.join(" ")
}

/// Below a million, or what stands before a scale.
fn group(number: u64, language: Language) -> String {
    match language {
        Language::Fr => french(number),
        Language::En => english(number),
        Language::Nl => dutch(number),
    }
}

const fn place(language: Language) -> usize {
    match language {
        Language::Fr => 0,
        Language::En => 1,
        Language::Nl => 2,
    }
}

const FRENCH: [&str; 20] = [
    "zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf", "dix", "onze", "douze",
    "treize", "quatorze", "quinze", "seize", "dix-sept", "dix-huit", "dix-neuf",
];

fn french(number: u64) -> String {
    let (thousands, rest) = (number / 1_000, number % 1_000);
    let mut words = Vec::new();
    match thousands {
        0 => {}
        1 => words.push("mille".to_owned()),
        _ => words.push(format!("{} mille", french_hundreds(thousands, false))),
    }
    if rest > 0 {
        words.push(french_hundreds(rest, true));
    }
    words.join(" ")
}

/// `ends` is whether no number follows: then hundreds and eighty have their s.
fn french_hundreds(number: u64, ends: bool) -> String {
    let (hundreds, rest) = (number / 100, number % 100);
    let mut words = Vec::new();
    match hundreds {
        0 => {}
        1 => words.push("cent".to_owned()),
        2..=9 if rest == 0 && ends => words.push(format!("{} cents", FRENCH[hundreds as usize])),
        _ => words.push(format!("{} cent", FRENCH[hundreds.min(9) as usize])),
    }
    if rest > 0 {
        words.push(french_tens(rest, ends));
    }
    words.join(" ")
}

fn french_tens(number: u64, ends: bool) -> String {
    const TENS: [&str; 7] = ["", "", "vingt", "trente", "quarante", "cinquante", "soixante"];
    let (tens, unit) = (number / 10, number % 10);
    match (tens, unit) {
        (0 | 1, _) => FRENCH[number as usize].to_owned(),
        (7, 1) => "soixante et onze".to_owned(),
        (7, _) => format!("soixante-{}", FRENCH[10 + unit as usize]),
        (8, 0) if ends => "quatre-vingts".to_owned(),
        (8, 0) => "quatre-vingt".to_owned(),
        (8, _) => format!("quatre-vingt-{}", FRENCH[unit as usize]),
        (9, _) => format!("quatre-vingt-{}", FRENCH[10 + unit as usize]),
        (_, 0) => TENS[tens as usize].to_owned(),
        (_, 1) => format!("{} et un", TENS[tens as usize]),
        _ => format!("{}-{}", TENS[tens as usize], FRENCH[unit as usize]),
    }
}

const ENGLISH: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];

fn english(number: u64) -> String {
    const TENS: [&str; 10] =
        ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
    if number >= 1_000 {
        let rest = number % 1_000;
        let behind = match rest {
            0 => String::new(),
            1..=99 => format!(" and {}", english(rest)),
            _ => format!(" {}", english(rest)),
        };
        return format!("{} thousand{behind}", english(number / 1_000));
    }
    match (number / 100, number % 100) {
        (0, rest) if rest < 20 => ENGLISH[rest as usize].to_owned(),
        (0, rest) if rest % 10 == 0 => TENS[(rest / 10) as usize].to_owned(),
        (0, rest) => format!("{}-{}", TENS[(rest / 10) as usize], ENGLISH[(rest % 10) as usize]),
        (hundreds, 0) => format!("{} hundred", ENGLISH[hundreds as usize]),
        (hundreds, rest) => format!("{} hundred and {}", ENGLISH[hundreds as usize], english(rest)),
    }
}

const DUTCH: [&str; 20] = [
    "nul",
    "een",
    "twee",
    "drie",
    "vier",
    "vijf",
    "zes",
    "zeven",
    "acht",
    "negen",
    "tien",
    "elf",
    "twaalf",
    "dertien",
    "veertien",
    "vijftien",
    "zestien",
    "zeventien",
    "achttien",
    "negentien",
];

fn dutch(number: u64) -> String {
    const TENS: [&str; 10] =
        ["", "", "twintig", "dertig", "veertig", "vijftig", "zestig", "zeventig", "tachtig", "negentig"];
    if number == 1 {
        return "één".to_owned();
    }
    if number >= 1_000 {
        let (thousands, rest) = (number / 1_000, number % 1_000);
        let before = if thousands == 1 { String::new() } else { dutch(thousands) };
        let behind = match rest {
            0 => String::new(),
            1 => " een".to_owned(),
            _ => format!(" {}", dutch(rest)),
        };
        return format!("{before}duizend{behind}");
    }
    match (number / 100, number % 100) {
        (0, rest) if rest < 20 => DUTCH[rest as usize].to_owned(),
        (0, rest) if rest % 10 == 0 => TENS[(rest / 10) as usize].to_owned(),
        (0, rest) => {
            let unit = DUTCH[(rest % 10) as usize];
            // Two vowels of two syllables: tweeëntwintig.
            let joint = if unit.ends_with('e') { "ën" } else { "en" };
            format!("{unit}{joint}{}", TENS[(rest / 10) as usize])
        }
        (hundreds, rest) => {
            let before = if hundreds == 1 { "" } else { DUTCH[hundreds as usize] };
            let behind = match rest {
                0 => String::new(),
                1 => "een".to_owned(),
                _ => dutch(rest),
            };
            format!("{before}honderd{behind}")
        }
    }
}

fn french_ordinal(number: u32, words: &str, gender: Gender) -> String {
    if number == 1 {
        return match gender {
            Gender::Masculine => "premier",
            Gender::Feminine => "première",
        }
        .to_owned();
    }
    // `quatre-vingts` and `deux cents` lose their s, `trois` keeps it.
    let stem =
        if words.ends_with("vingts") || words.ends_with("cents") { &words[..words.len() - 1] } else { words };
    let stem = match stem {
        _ if stem.ends_with("cinq") => format!("{stem}u"),
        _ if stem.ends_with("neuf") => format!("{}v", &stem[..stem.len() - 1]),
        _ => stem.strip_suffix('e').unwrap_or(stem).to_owned(),
    };
    stem + "ième"
}

fn english_ordinal(words: &str) -> String {
    const IRREGULAR: [(&str, &str); 8] = [
        ("one", "first"),
        ("two", "second"),
        ("three", "third"),
        ("five", "fifth"),
        ("eight", "eighth"),
        ("nine", "ninth"),
        ("twelve", "twelfth"),
        ("y", "ieth"),
    ];
    for (ending, ordinal) in IRREGULAR {
        if let Some(stem) = words.strip_suffix(ending) {
            return format!("{stem}{ordinal}");
        }
    }
    format!("{words}th")
}

fn dutch_ordinal(number: u32, words: &str) -> String {
    match number % 100 {
        1 if number == 1 => "eerste".to_owned(),
        1 => format!("{}eerste", words.strip_suffix("een").unwrap_or(words)),
        3 => format!("{}derde", words.strip_suffix("drie").unwrap_or(words)),
        8 => format!("{words}ste"),
        2 | 4..=7 | 9..=19 => format!("{words}de"),
        _ => format!("{words}ste"),
    }
}
