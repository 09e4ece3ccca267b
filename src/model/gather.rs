//! Maps and sets filled entry by entry. The standard `collect` of a `BTreeMap` sorts its entries first, and that sort is
//! compiled anew for every iterator that is collected: four kilobytes of the program at each place, in half a hundred
//! places. What is gathered here is few and read once: inserting it one by one costs nothing that anybody would notice.

use std::collections::{BTreeMap, BTreeSet};

/// What one can gather into: the two collections whose `collect` sorts.
pub trait Filled<T>: Default {
    /// Puts one in. The later of two values of a key counts; of the two keys the earlier stays. So keys that are equal
    /// have to be the same in every byte, as texts and ids are. Paths are not (`a//b` equals `a/b`): collect those.
    fn put(&mut self, one: T);
}

impl<K: Ord, V> Filled<(K, V)> for BTreeMap<K, V> {
    fn put(&mut self, (key, value): (K, V)) {
        self.insert(key, value);
    }
}

impl<T: Ord> Filled<T> for BTreeSet<T> {
    fn put(&mut self, one: T) {
        self.insert(one);
    }
}

/// `gather()` where one would write `collect()`, with the same result.
pub trait Gather: Iterator + Sized {
    /// All of them, in a map or a set.
    fn gather<C: Filled<Self::Item>>(self) -> C {
        let mut all = C::default();
        self.for_each(|one| all.put(one));
        all
    }

    /// All of them, or the first error; nothing is asked for after that.
    fn try_gather<C: Filled<T>, T, E>(mut self) -> Result<C, E>
    where
        Self: Iterator<Item = Result<T, E>>,
    {
        let mut all = C::default();
        self.try_for_each(|one| one.map(|one| all.put(one)))?;
        Ok(all)
    }
}

impl<I: Iterator> Gather for I {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_later_of_two_values_counts() {
        let map: BTreeMap<&str, u8> = [("b", 1), ("a", 2), ("b", 3)].into_iter().gather();
        assert_eq!(map, BTreeMap::from([("a", 2), ("b", 3)]));
    }

    #[test]
    fn the_first_error_ends_the_gathering() {
        let mut asked = 0;
        let said = [Ok(("a", 1)), Err("no"), Err("nor this")].into_iter().inspect(|_| asked += 1);
        assert_eq!(said.try_gather::<BTreeMap<_, _>, _, _>(), Err("no"));
        assert_eq!(asked, 2);
    }

    proptest! {
        #[test]
        fn what_is_gathered_is_what_would_be_collected(pairs: Vec<(u8, u16)>) {
            let map: BTreeMap<u8, u16> = pairs.iter().copied().gather();
            prop_assert_eq!(&map, &pairs.iter().copied().collect());
            let tried: Result<BTreeMap<u8, u16>, ()> = pairs.iter().copied().map(Ok).try_gather();
            prop_assert_eq!(tried, Ok(map));
            let set: BTreeSet<(u8, u16)> = pairs.iter().copied().gather();
            prop_assert_eq!(set, pairs.into_iter().collect());
        }
    }
}
