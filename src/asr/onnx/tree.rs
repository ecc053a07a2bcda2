//! The texts that the decoder has read, as a tree: which tokens a new one looks back at, and which can be forgotten.
//!
//! The hypotheses of a beam search have nearly all of their text in common. The decoder keeps the keys and values of every token
//! once; this file knows which of them belong to which hypothesis. An *entry* is a place in that store.

use super::network::HIDDEN;

/// Entries of given-up hypotheses that are put up with before the store is cleaned: cleaning copies what stays, an entry too
/// many is copied at every step. Chosen by counting copies: eight steps of five hypotheses leave about as many.
const DEAD_ENTRIES: usize = 32;

/// The entries of one utterance.
#[derive(Debug, Default)]
pub(super) struct Tree {
    /// The entry that each one continues; always an earlier one.
    parents: Vec<Option<usize>>,
    /// Where each stands in its text, from 0.
    places: Vec<i64>,
    /// The entry in which each row of the last pass ended.
    rows: Vec<usize>,
    /// What [`Self::new_places`] and [`Self::seen`] speak of begins here.
    first_new: usize,
    seen: Vec<f32>,
    /// Rows of the pass before the last, and marks on entries: buffers that are used again.
    before: Vec<usize>,
    is_kept: Vec<bool>,
}

impl Tree {
    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.parents.clear();
        self.places.clear();
        self.rows.clear();
        self.first_new = 0;
    }

    /// Adds `count` tokens, each of which continues the one before, to the text of the only row.
    pub(super) fn read(&mut self, count: usize) {
        self.first_new = self.parents.len();
        let mut last = self.rows.first().copied();
        for _ in 0..count {
            last = Some(self.add(last));
        }
        self.rows.clear();
        self.rows.extend(last);
        self.look();
    }

    /// Adds a token to each of `parents`, which are rows of the last pass.
    pub(super) fn step(&mut self, parents: &[usize]) {
        self.first_new = self.parents.len();
        std::mem::swap(&mut self.rows, &mut self.before);
        self.rows.clear();
        for parent in parents {
            let entry = self.add(self.before.get(*parent).copied());
            self.rows.push(entry);
        }
        self.look();
    }

    /// Where each new token stands in its text, from 0.
    pub(super) fn new_places(&self) -> &[i64] {
        &self.places[self.first_new..]
    }

    /// For each new token: 0 for every entry that it looks back at, itself too, and [`HIDDEN`] for the others.
    pub(super) fn seen(&self) -> &[f32] {
        &self.seen
    }

    /// What rows `parents` of the last pass are made of, in order, where so much else is in the store that cleaning it
    /// pays. The tree has then forgotten the rest, and the store must.
    pub(super) fn prune(&mut self, parents: &[usize]) -> Option<Vec<usize>> {
        let mut is_kept = std::mem::take(&mut self.is_kept);
        is_kept.clear();
        is_kept.resize(self.parents.len(), false);
        for parent in parents {
            for entry in self.path(self.rows.get(*parent).copied()) {
                if std::mem::replace(&mut is_kept[entry], true) {
                    break;
                }
            }
        }
        let dead = is_kept.iter().filter(|is_kept| !**is_kept).count();
        let kept = (dead >= DEAD_ENTRIES)
            .then(|| (0..is_kept.len()).filter(|entry| is_kept[*entry]).collect::<Vec<_>>());
        self.is_kept = is_kept;
        let kept = kept?;
        let moved = |entry: usize| kept.binary_search(&entry).ok();
        let parents = kept.iter().map(|entry| self.parents[*entry].and_then(moved)).collect();
        let places = kept.iter().map(|entry| self.places[*entry]).collect();
        // A row that is not continued has no entry any more; nobody asks for it again.
        let rows = self.rows.iter().map(|entry| moved(*entry).unwrap_or_default()).collect();
        (self.parents, self.places, self.rows) = (parents, places, rows);
        Some(kept)
    }

    fn add(&mut self, parent: Option<usize>) -> usize {
        self.places.push(parent.map_or(0, |parent| self.places[parent] + 1));
        self.parents.push(parent);
        self.parents.len() - 1
    }

    fn look(&mut self) {
        let all = self.parents.len();
        let mut seen = std::mem::take(&mut self.seen);
        seen.clear();
        seen.resize((all - self.first_new) * all, HIDDEN);
        for (row, entry) in seen.chunks_exact_mut(all.max(1)).zip(self.first_new..) {
            for entry in self.path(Some(entry)) {
                row[entry] = 0.0;
            }
        }
        self.seen = seen;
    }

    /// An entry and what it continues, backwards.
    fn path(&self, last: Option<usize>) -> impl Iterator<Item = usize> {
        std::iter::successors(last, |entry| self.parents[*entry])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn looks_at(tree: &Tree) -> Vec<Vec<usize>> {
        let all = tree.parents.len();
        let row = |row: &[f32]| (0..all).filter(|entry| row[*entry] == 0.0).collect();
        tree.seen().chunks(all).map(row).collect()
    }

    #[test]
    fn a_prompt_sees_what_came_before_and_a_step_sees_its_hypothesis() {
        let mut tree = Tree::default();
        tree.read(3);
        assert_eq!(tree.new_places(), [0, 1, 2]);
        assert_eq!(looks_at(&tree), [vec![0], vec![0, 1], vec![0, 1, 2]]);
        tree.step(&[0, 0]);
        assert_eq!(tree.new_places(), [3, 3]);
        assert_eq!(looks_at(&tree), [vec![0, 1, 2, 3], vec![0, 1, 2, 4]]);
        tree.step(&[1, 0]);
        assert_eq!(looks_at(&tree), [vec![0, 1, 2, 4, 5], vec![0, 1, 2, 3, 6]]);
        tree.clear();
        tree.read(1);
        assert_eq!((tree.new_places(), looks_at(&tree)), (&[0][..], vec![vec![0]]));
    }

    proptest! {
        /// A store that is cleaned beside one that keeps each hypothesis whole.
        #[test]
        fn what_a_row_sees_is_its_own_text_whatever_was_cleaned(
            prompt in 1_usize..6,
            steps in proptest::collection::vec(proptest::collection::vec(0_usize..5, 1..6), 1..60),
        ) {
            let mut tree = Tree::default();
            // Tokens are numbers that occur once.
            let mut next = prompt;
            let mut store: Vec<usize> = (0..prompt).collect();
            let mut texts: Vec<Vec<usize>> = vec![store.clone()];
            tree.read(prompt);
            let mut longest = 0;
            for step in steps {
                let parents: Vec<usize> = step.iter().map(|parent| parent % texts.len()).collect();
                if let Some(kept) = tree.prune(&parents) {
                    store = kept.iter().map(|entry| store[*entry]).collect();
                }
                texts = parents.iter().map(|parent| texts[*parent].clone()).collect();
                tree.step(&parents);
                for text in &mut texts {
                    text.push(next);
                    store.push(next);
                    next += 1;
                }
                let seen: Vec<Vec<usize>> =
                    looks_at(&tree).iter().map(|row| row.iter().map(|entry| store[*entry]).collect()).collect();
                prop_assert_eq!(&seen, &texts);
                let places: Vec<i64> = texts.iter().map(|text| text.len() as i64 - 1).collect();
                prop_assert_eq!(tree.new_places(), &places[..]);
                longest = longest.max(store.len() - texts.iter().flatten().collect::<std::collections::HashSet<_>>().len());
            }
            // The last step adds what it may make dead.
            prop_assert!(longest < DEAD_ENTRIES + 10, "{} dead entries", longest);
        }
    }
}
