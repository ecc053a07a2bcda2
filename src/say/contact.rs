//! Telephone numbers, references, postcodes and addresses in words.

use super::numbers::cardinal;
use crate::call::Language;

/// A number in E.164 form as the language says it: French and Dutch by pairs, English digit by digit in groups.
/// Numbers of other countries begin with `plus`; one that is written as it is dialled at home is said so.
pub fn phone(number: &str, language: Language) -> String {
    const CODES: [&str; 4] = ["33", "32", "31", "44"];
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    if !number.starts_with('+') && digits.starts_with('0') {
        return groups(&digits, language);
    }
    let code = CODES.into_iter().find(|code| digits.starts_with(code)).unwrap_or_default();
    let rest = &digits[code.len()..];
    let is_home = match language {
        Language::Fr => matches!(code, "33" | "32"),
        Language::En => code == "44",
        Language::Nl => matches!(code, "31" | "32"),
    };
    if is_home {
        return groups(&format!("0{rest}"), language);
    }
    let plus = format!("plus {}", groups(code, language));
    if rest.is_empty() { plus } else { format!("{plus}, {}", groups(rest, language)) }
}

/// One by one, as letters and digits: `F, A, deux, zéro`.
pub fn characters(text: &str, language: Language) -> String {
    let said = text.chars().filter_map(|character| match character {
        '0'..='9' => character.to_digit(10).map(|digit| cardinal(i64::from(digit), language)),
        '-' => Some(["tiret", "dash", "streepje"][place(language)].to_owned()),
        '\'' => Some("apostrophe".to_owned()),
        ' ' => Some(["espace", "space", "spatie"][place(language)].to_owned()),
        letter if letter.is_alphabetic() => Some(letter.to_uppercase().to_string()),
        _ => None,
    });
    said.collect::<Vec<String>>().join(", ")
}

/// A postcode: by pairs of digits in French and Dutch, letters by name.
pub fn postcode(text: &str, language: Language) -> String {
    let parts: Vec<String> = runs(text)
        .into_iter()
        .map(|run| match run.chars().all(|character| character.is_ascii_digit()) {
            true if language != Language::En => groups(&run, language),
            true | false => characters(&run, language),
        })
        .collect();
    parts.join(", ")
}

/// `jean point dupont arobase gmail point com`.
pub fn email(address: &str, language: Language) -> String {
    let mut said: Vec<String> = Vec::new();
    for run in runs(address) {
        let mark = match run.as_str() {
            "@" => ["arobase", "at", "apenstaartje"],
            "." => ["point", "dot", "punt"],
            "-" => ["tiret", "dash", "streepje"],
            "_" => ["tiret bas", "underscore", "laag streepje"],
            "+" => ["plus", "plus", "plus"],
            _ => ["", "", ""],
        }[place(language)];
        match run.chars().next() {
            _ if !mark.is_empty() => said.push(mark.to_owned()),
            Some(first) if first.is_ascii_digit() => {
                said.push(characters(&run, language).replace(", ", " "));
            }
            _ => said.push(run),
        }
    }
    said.join(" ")
}

/// Pairs, with three first when the count is odd; digits one by one in English.
fn groups(digits: &str, language: Language) -> String {
    let mut said = Vec::new();
    let mut rest = digits;
    while !rest.is_empty() {
        let take = match (language, rest.len()) {
            (Language::En, 5) => 5,
            (Language::En, 10 | 11) => rest.len() - 6,
            (Language::En, length) => length.min(3),
            (Language::Fr | Language::Nl, 3) => 3,
            // Nine digits are 2 3 2 2, and a Dutch or French pair never leaves one digit alone.
            (Language::Fr | Language::Nl, 7) => 3,
            (Language::Fr | Language::Nl, length) => length.min(2),
        };
        let (group, behind) = rest.split_at(take);
        said.push(group_in_words(group, language));
        rest = behind;
    }
    said.join(", ")
}

fn group_in_words(group: &str, language: Language) -> String {
    // A leading zero is said, and so is each digit behind it when there are more than one: zéro six, zéro zéro trois.
    let one_by_one = language == Language::En || group.starts_with('0') || group.len() > 3;
    match group.parse() {
        Ok(number) if !one_by_one => cardinal(number, language),
        _ => characters(group, language).replace(", ", " "),
    }
}

/// Runs of digits, runs of letters, and each other character.
fn runs(text: &str) -> Vec<String> {
    let class = |character: char| match character {
        _ if character.is_ascii_digit() => 0,
        _ if character.is_alphabetic() => 1,
        _ => 2,
    };
    let mut runs: Vec<String> = Vec::new();
    for character in text.chars() {
        match runs.last_mut() {
            Some(run) if class(character) != 2 && run.chars().all(|last| class(last) == class(character)) => {
                run.push(character);
            }
            _ => runs.push(character.to_string()),
        }
    }
    runs
}

const fn place(language: Language) -> usize {
    match language {
        Language::Fr => 0,
        Language::En => 1,
        Language::Nl => 2,
    }
}
