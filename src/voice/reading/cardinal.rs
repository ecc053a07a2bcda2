//! Whole numbers in words, as they are said in France, Britain and the Netherlands.

use crate::call::Language;

/// `number` in words; beyond 999,999,999,999, which nobody says on the telephone, its digits.
pub fn cardinal(number: u64, language: Language) -> String {
    if number >= 1_000_000_000_000 {
        return number.to_string();
    }
    match language {
        Language::Fr => french(number),
        Language::En => english(number),
        Language::Nl => dutch(number),
    }
}

/// A year: English says most of them in two halves, Dutch those of a past century.
pub fn year(year: u64, language: Language) -> String {
    let (century, rest) = (year / 100, year % 100);
    match language {
        Language::Fr => french(year),
        Language::En if year.is_multiple_of(1000) || (2000..2010).contains(&year) => english(year),
        Language::En if rest == 0 => format!("{} hundred", english(century)),
        Language::En if rest < 10 => format!("{} oh {}", english(century), english(rest)),
        Language::En => format!("{} {}", english(century), english(rest)),
        Language::Nl if (1100..2000).contains(&year) && rest > 0 => {
            format!("{}honderd {}", dutch(century), dutch(rest))
        }
        Language::Nl if (1100..2000).contains(&year) => format!("{}honderd", dutch(century)),
        Language::Nl => dutch(year),
    }
}

/// The day of a month in words; 0 and above 31 never come.
pub fn english_ordinal(day: u64) -> String {
    const FIRST: [&str; 20] = [
        "",
        "first",
        "second",
        "third",
        "fourth",
        "fifth",
        "sixth",
        "seventh",
        "eighth",
        "ninth",
        "tenth",
        "eleventh",
        "twelfth",
        "thirteenth",
        "fourteenth",
        "fifteenth",
        "sixteenth",
        "seventeenth",
        "eighteenth",
        "nineteenth",
    ];
    match day {
        20 => "twentieth".to_owned(),
        30 => "thirtieth".to_owned(),
        0..20 => FIRST[day as usize].to_owned(),
        _ => format!("{}-{}", english(day / 10 * 10), FIRST[day as usize % 10]),
    }
}

/// A number as millions of millions, from the left: how many of which power of a thousand.
fn scales(number: u64) -> [(u64, usize); 4] {
    [
        (number / 1_000_000_000, 3),
        (number / 1_000_000 % 1000, 2),
        (number / 1000 % 1000, 1),
        (number % 1000, 0),
    ]
}

fn french(number: u64) -> String {
    if number == 0 {
        return "zéro".to_owned();
    }
    let mut words: Vec<String> = Vec::new();
    for (count, power) in scales(number).into_iter().filter(|(count, _)| *count > 0) {
        match power {
            3 | 2 => {
                let name = if power == 3 { "milliard" } else { "million" };
                let plural = if count > 1 { "s" } else { "" };
                words.push(format!("{} {name}{plural}", french_hundreds(count, true)));
            }
            1 if count == 1 => words.push("mille".to_owned()),
            // “deux cent mille”: the plural of “cent” goes before “mille”, not before “millions”.
            1 => words.push(format!("{} mille", french_hundreds(count, false))),
            _ => words.push(french_hundreds(count, true)),
        }
    }
    words.join(" ")
}

/// Below a thousand; `takes_plural` where “cent” and “vingt” may have their s.
fn french_hundreds(number: u64, takes_plural: bool) -> String {
    let (hundreds, rest) = (number / 100, number % 100);
    let hundred = match hundreds {
        0 => String::new(),
        1 => "cent".to_owned(),
        _ if rest == 0 && takes_plural => format!("{} cents", FRENCH[hundreds as usize]),
        _ => format!("{} cent", FRENCH[hundreds as usize]),
    };
    joined(hundred, french_tens(rest, takes_plural), " ")
}

const FRENCH: [&str; 17] = [
    "", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf", "dix", "onze", "douze",
    "treize", "quatorze", "quinze", "seize",
];

fn french_tens(number: u64, takes_plural: bool) -> String {
    let unit = |unit: u64| FRENCH[unit as usize];
    match number {
        0..=16 => unit(number).to_owned(),
        17..=19 => format!("dix-{}", unit(number - 10)),
        71 => "soixante et onze".to_owned(),
        80 if takes_plural => "quatre-vingts".to_owned(),
        80 => "quatre-vingt".to_owned(),
        70..=79 => format!("soixante-{}", french_tens(number - 60, false)),
        81..=99 => format!("quatre-vingt-{}", french_tens(number - 80, false)),
        _ => {
            let tens = ["vingt", "trente", "quarante", "cinquante", "soixante"][number as usize / 10 - 2];
            match number % 10 {
                0 => tens.to_owned(),
                1 => format!("{tens} et un"),
                rest => format!("{tens}-{}", unit(rest)),
            }
        }
    }
}

const ENGLISH: [&str; 20] = [
    "",
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
    if number == 0 {
        return "zero".to_owned();
    }
    let mut words = String::new();
    for (count, power) in scales(number).into_iter().filter(|(count, _)| *count > 0) {
        let name = ["", " thousand", " million", " billion"][power];
        let bridge = if power == 0 && count < 100 { " and " } else { " " };
        words = joined(words, format!("{}{name}", english_hundreds(count)), bridge);
    }
    words
}

fn english_hundreds(number: u64) -> String {
    let hundred = match number / 100 {
        0 => String::new(),
        hundreds => format!("{} hundred", ENGLISH[hundreds as usize]),
    };
    let rest = number % 100;
    let tens = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
    let rest = match (rest, rest % 10) {
        (0..20, _) => ENGLISH[rest as usize].to_owned(),
        (_, 0) => tens[rest as usize / 10 - 2].to_owned(),
        (_, unit) => format!("{}-{}", tens[rest as usize / 10 - 2], ENGLISH[unit as usize]),
    };
    joined(hundred, rest, " and ")
}

const DUTCH: [&str; 20] = [
    "",
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
    match number {
        0 => return "nul".to_owned(),
        // With its accents, or a voice takes it for the article.
        1 => return "één".to_owned(),
        _ => {}
    }
    let mut words: Vec<String> = Vec::new();
    for (count, power) in scales(number).into_iter().filter(|(count, _)| *count > 0) {
        match power {
            3 => words.push(format!("{} miljard", dutch_hundreds(count))),
            2 => words.push(format!("{} miljoen", dutch_hundreds(count))),
            1 if count == 1 => words.push("duizend".to_owned()),
            1 => words.push(format!("{}duizend", dutch_hundreds(count))),
            _ => words.push(dutch_hundreds(count)),
        }
    }
    words.join(" ")
}

fn dutch_hundreds(number: u64) -> String {
    let hundred = match number / 100 {
        0 => String::new(),
        1 => "honderd".to_owned(),
        hundreds => format!("{}honderd", DUTCH[hundreds as usize]),
    };
    let rest = number % 100;
    let tens = ["twintig", "dertig", "veertig", "vijftig", "zestig", "zeventig", "tachtig", "negentig"];
    let rest = match (rest, rest % 10) {
        (0..20, _) => DUTCH[rest as usize].to_owned(),
        (_, 0) => tens[rest as usize / 10 - 2].to_owned(),
        (_, unit) => {
            let unit = DUTCH[unit as usize];
            // “tweeëntwintig”: three vowels would run together.
            let and = if unit.ends_with('e') { "ën" } else { "en" };
            format!("{unit}{and}{}", tens[rest as usize / 10 - 2])
        }
    };
    joined(hundred, rest, "")
}

fn joined(first: String, second: String, bridge: &str) -> String {
    if first.is_empty() || second.is_empty() { first + &second } else { first + bridge + &second }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn french_numbers_have_their_hyphens_and_plurals() {
        for (number, expected) in [
            (0, "zéro"),
            (17, "dix-sept"),
            (21, "vingt et un"),
            (71, "soixante et onze"),
            (77, "soixante-dix-sept"),
            (80, "quatre-vingts"),
            (81, "quatre-vingt-un"),
            (91, "quatre-vingt-onze"),
            (100, "cent"),
            (200, "deux cents"),
            (201, "deux cent un"),
            (1_000, "mille"),
            (80_000, "quatre-vingt mille"),
            (200_000, "deux cent mille"),
            (1_999, "mille neuf cent quatre-vingt-dix-neuf"),
            (2_000_000, "deux millions"),
            (200_000_000, "deux cents millions"),
            (1_000_000_001, "un milliard un"),
        ] {
            assert_eq!(cardinal(number, Language::Fr), expected);
        }
    }

    #[test]
    fn english_and_dutch_numbers_are_joined_as_they_are_said() {
        for (number, english, dutch) in [
            (1, "one", "één"),
            (21, "twenty-one", "eenentwintig"),
            (22, "twenty-two", "tweeëntwintig"),
            (101, "one hundred and one", "honderdeen"),
            (340, "three hundred and forty", "driehonderdveertig"),
            (1_001, "one thousand and one", "duizend een"),
            (12_500, "twelve thousand five hundred", "twaalfduizend vijfhonderd"),
            (3_000_000, "three million", "drie miljoen"),
        ] {
            assert_eq!(cardinal(number, Language::En), english);
            assert_eq!(cardinal(number, Language::Nl), dutch);
        }
    }

    #[test]
    fn years_are_said_as_years() {
        for (number, english, dutch) in [
            (1905, "nineteen oh five", "negentienhonderd vijf"),
            (1900, "nineteen hundred", "negentienhonderd"),
            (2000, "two thousand", "tweeduizend"),
            (2009, "two thousand and nine", "tweeduizend negen"),
            (2026, "twenty twenty-six", "tweeduizend zesentwintig"),
        ] {
            assert_eq!(year(number, Language::En), english);
            assert_eq!(year(number, Language::Nl), dutch);
        }
        assert_eq!(english_ordinal(20), "twentieth");
        assert_eq!(english_ordinal(31), "thirty-first");
    }
}
