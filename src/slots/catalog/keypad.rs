//! Names on the letter keys of a telephone (ITU-T E.161: 2 is A, B or C, … 9 is W, X, Y or Z).

use super::{Catalog, Entity};
use crate::text::fold;

/// Fewest keys that are a beginning of a name; fewer would find something in any list.
const KEYS_MIN: usize = 3;

/// An entry that was keyed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyed {
    /// The entry.
    pub entity: Entity,
    /// Whether all of the name was keyed in; otherwise it is the only one that begins so.
    pub is_whole: bool,
}

impl Catalog {
    /// The entry whose name or alias is keyed in by `keys`, digits 2 to 9, or else the only one that begins so; `None` with
    /// fewer than three keys and where more than one is meant. Accents, spaces, signs, and the figures 0 and 1 of a name
    /// are not keyed in.
    pub fn keyed(&self, keys: &str) -> Option<Keyed> {
        if keys.len() < KEYS_MIN {
            return None;
        }
        let rows = self.entries.iter().enumerate().flat_map(|(index, entry)| {
            std::iter::once(&entry.name).chain(&entry.aliases).map(move |name| (index, row(name)))
        });
        let begun: Vec<(usize, bool)> =
            rows.filter(|(_, row)| row.starts_with(keys)).map(|(index, row)| (index, row == keys)).collect();
        let only = |is_whole: bool| {
            let mut meant = begun.iter().filter(|(_, whole)| *whole || !is_whole).map(|(index, _)| *index);
            let first = meant.next()?;
            meant.all(|other| other == first).then(|| Keyed { entity: self.entity(first), is_whole })
        };
        if begun.iter().any(|(_, is_whole)| *is_whole) { only(true) } else { only(false) }
    }
}

/// The keys of a name.
fn row(name: &str) -> String {
    fold(name).chars().filter_map(key).collect()
}

const fn key(character: char) -> Option<char> {
    Some(match character {
        'a'..='c' => '2',
        'd'..='f' => '3',
        'g'..='i' => '4',
        'j'..='l' => '5',
        'm'..='o' => '6',
        'p'..='s' => '7',
        't'..='v' => '8',
        'w'..='z' => '9',
        '2'..='9' => character,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::Entry;
    use super::*;

    fn keyed(keys: &str) -> Option<(String, bool)> {
        let entries = [
            ("1", "Velmoxine", ""),
            ("2", "Velmoxine LP 20", ""),
            ("3", "Œdalor", "oedal"),
            ("4", "Saint-Mérolles", ""),
            ("5", "Ranit", ""),
            ("6", "Samgu", ""),
        ];
        let list = entries.map(|(id, name, aliases)| Entry::listed(id, name, aliases)).to_vec();
        Catalog::new(list).keyed(keys).map(|keyed| (keyed.entity.id, keyed.is_whole))
    }

    #[test]
    fn a_name_is_found_by_its_keys_or_by_how_it_alone_begins() {
        let found = |id: &str, is_whole| Some((id.to_owned(), is_whole));
        assert_eq!(keyed("835669463"), found("1", true), "the whole name, although another begins with it");
        assert_eq!(keyed("835669463572"), found("2", true), "the figure 0 is not keyed in");
        assert_eq!(keyed("8356694635"), found("2", false));
        assert_eq!(keyed("83566"), None, "two begin so");
        assert_eq!(keyed("63325"), found("3", true), "by its alias");
        assert_eq!(keyed("633"), found("3", false), "name and alias are one entry");
        assert_eq!(keyed("72468"), found("4", false), "without accent and hyphen");
        assert_eq!(keyed("72648"), None, "two names on the same keys");
        for keys in ["", "83", "999999"] {
            assert_eq!(keyed(keys), None, "{keys}");
        }
    }
}
