//! Splits into held-out parts, and the random order that training uses; both depend on a seed only.

use std::collections::BTreeMap;

/// The part that each item belongs to, below `parts`. Items of one `group` are spread evenly over the parts; an item that
/// is alone in its group belongs to none, because holding it out would leave nothing to learn its group from.
pub fn stratified(groups: &[usize], parts: usize, seed: u64) -> Vec<Option<usize>> {
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (item, &group) in groups.iter().enumerate() {
        members.entry(group).or_default().push(item);
    }
    let mut random = SplitMix(seed);
    let mut part_of = vec![None; groups.len()];
    // Each group starts where the last one ended, so that parts are of equal size even with few items a group.
    let mut next = 0;
    for items in members.values_mut().filter(|items| items.len() > 1) {
        random.shuffle(items);
        for &item in items.iter() {
            part_of[item] = Some(next % parts);
            next += 1;
        }
    }
    part_of
}

/// SplitMix64: small, fast, the same on every machine.
#[derive(Debug, Clone)]
pub struct SplitMix(pub u64);

impl SplitMix {
    /// The next 64 random bits.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    /// Puts `items` in a random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, (self.draw() % (last as u64 + 1)) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_group_keeps_an_item_outside_each_part(groups in prop::collection::vec(0_usize..6, 0..60), seed: u64) {
            let parts = stratified(&groups, 5, seed);
            prop_assert_eq!(&parts, &stratified(&groups, 5, seed));
            for part in 0..5 {
                for group in &groups {
                    let left = groups.iter().zip(&parts).filter(|(other, of)| *other == group && **of != Some(part));
                    prop_assert!(left.count() > 0);
                }
            }
        }
    }
}
