//! Counted nouns in a template: `{n} boîte|boîtes`.

use super::money::is_one;
use super::numbers::{Gender, counted};
use crate::call::Language;

/// The template with `number` in it. `{n}` is the number in words, `{n:f}` the same before a feminine noun (`vingt et
/// une`), and of each `one|many` the form that the number takes. French takes the first form for zero too.
///
/// A bar that stands alone between blanks stays.
pub fn filled(template: &str, number: i64, language: Language) -> String {
    let words = template.split(' ').map(|word| match word {
        "{n}" => counted(number, language, Gender::Masculine),
        "{n:f}" => counted(number, language, Gender::Feminine),
        _ => form(word, number, language),
    });
    words.collect::<Vec<String>>().join(" ")
}

/// One form of `boîte|boîtes,`: the punctuation stands behind the second one.
fn form(word: &str, number: i64, language: Language) -> String {
    let Some((one, many)) = word.split_once('|').filter(|(one, many)| !one.is_empty() && !many.is_empty())
    else {
        return word
            .replace("{n:f}", &counted(number, language, Gender::Feminine))
            .replace("{n}", &counted(number, language, Gender::Masculine));
    };
    let punctuation = many.len() - many.trim_end_matches(|mark: char| mark.is_ascii_punctuation()).len();
    let (many, mark) = many.split_at(many.len() - punctuation);
    let chosen = if is_one(number, language) { one } else { many };
    format!("{chosen}{mark}")
}
