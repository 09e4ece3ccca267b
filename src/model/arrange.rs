//! Sorting through one sort. The standard one is compiled anew for every type and every comparison: four kilobytes of the
//! program each time, which buys speed that lists of releases and findings do not need. Here places are sorted, which are
//! numbers whatever stands in them; what is compiled for each list is the comparison and the swapping.

use std::cmp::Ordering;

/// As `sort`, `sort_by` and `sort_by_key`, with the same result: what compares as equal keeps its order. For lists of
/// types of ours; texts, paths and numbers keep the standard sort, whose copies others need as well.
pub trait Arrange<T> {
    /// From the least to the greatest.
    fn arrange(&mut self)
    where
        T: Ord,
    {
        self.arrange_by(T::cmp);
    }

    /// As `order` says.
    fn arrange_by(&mut self, order: impl FnMut(&T, &T) -> Ordering);

    /// By what `key` makes of each; it is asked at every comparison.
    fn arrange_by_key<K: Ord>(&mut self, mut key: impl FnMut(&T) -> K) {
        self.arrange_by(|a, b| key(a).cmp(&key(b)));
    }
}

impl<T> Arrange<T> for [T] {
    fn arrange_by(&mut self, mut order: impl FnMut(&T, &T) -> Ordering) {
        let swaps = swaps(self.len(), &mut |a, b| order(&self[a], &self[b]));
        for (a, b) in swaps {
            self.swap(a, b);
        }
    }
}

/// The swaps, one after another, that bring `len` items into `order`, which compares what stood at two places at first.
#[inline(never)]
fn swaps(len: usize, order: &mut dyn FnMut(usize, usize) -> Ordering) -> Vec<(usize, usize)> {
    let mut from: Vec<usize> = (0..len).collect();
    from.sort_by(|a, b| order(*a, *b));
    let mut swaps = Vec::new();
    for start in 0..len {
        // What stood at `start` is handed along its ring of places until it is where it belongs.
        let mut at = start;
        while from[at] != start {
            let next = std::mem::replace(&mut from[at], at);
            swaps.push((at, next));
            at = next;
        }
        from[at] = at;
    }
    swaps
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lists_with_nothing_to_arrange_stay_as_they_are() {
        let mut lists: [Vec<u8>; 3] = [vec![], vec![1], vec![1, 2, 3]];
        let before = lists.clone();
        for list in &mut lists {
            list.arrange();
        }
        assert_eq!(lists, before);
    }

    #[test]
    fn each_item_is_moved_at_most_once_to_its_place() {
        let numbers = [3, 1, 4, 1, 5, 9, 2, 6];
        let swaps = swaps(numbers.len(), &mut |a, b| numbers[a].cmp(&numbers[b]));
        assert!(swaps.len() < numbers.len(), "{swaps:?}");
    }

    proptest! {
        #[test]
        fn equal_keys_keep_their_order(keys in proptest::collection::vec(0u8..8, 0..200)) {
            let mut ours: Vec<(u8, usize)> = keys.into_iter().zip(0..).collect();
            let mut standard = ours.clone();
            ours.arrange_by_key(|(key, _)| *key);
            standard.sort_by_key(|(key, _)| *key);
            prop_assert_eq!(&ours, &standard);
            ours.arrange_by(|a, b| a.0.cmp(&b.0).reverse());
            standard.sort_by(|a, b| a.0.cmp(&b.0).reverse());
            prop_assert_eq!(&ours, &standard);
        }

        #[test]
        fn arranged_is_sorted(texts: Vec<String>) {
            let (mut ours, mut standard) = (texts.clone(), texts);
            ours.arrange();
            standard.sort();
            prop_assert_eq!(ours, standard);
        }
    }
}
