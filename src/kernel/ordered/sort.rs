//! A stable sort by keys that are numbers, where it need not be the fastest.
//!
//! As with the tree, what is sorted are numbers, so there is one sort for all types.

use std::collections::BinaryHeap;

use super::Key;

/// Sorts by a key; equals stay in their order.
pub(crate) fn sort_by_key<T, K: Key>(items: &mut [T], key: impl Fn(&T) -> K) {
    let numbers = unsorted(items.len(), &|place| key(&items[place]).number());
    sort(numbers, &mut |one, other| items.swap(one, other));
}

/// So many numbers, each with its place; none if they are in order.
fn unsorted(len: usize, number: &dyn Fn(usize) -> u128) -> Vec<(u128, usize)> {
    let mut numbers = Vec::with_capacity(len);
    let (mut is_sorted, mut last) = (true, 0);
    for place in 0..len {
        let number = number(place);
        is_sorted &= last <= number;
        last = number;
        numbers.push((number, place));
    }
    if is_sorted {
        numbers.clear();
    }
    numbers
}

/// Brings items into the order of their numbers by exchanging two again and again. Each number comes with the place
/// of its item.
fn sort(numbers: Vec<(u128, usize)>, swap: &mut dyn FnMut(usize, usize)) {
    // Which item is at each place, and where each item is.
    let mut items = Vec::with_capacity(numbers.len());
    for place in 0..numbers.len() {
        items.push(place);
    }
    let mut places = items.clone();
    // By a heap, which is a tenth of the code of a sort.
    let numbers = BinaryHeap::from(numbers).into_sorted_vec();
    for (place, &(_, item)) in numbers.iter().enumerate() {
        let from = places[item];
        if from != place {
            swap(place, from);
            let other = items[place];
            (items[from], places[other]) = (other, from);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_does_what_the_sort_of_the_standard_library_does(
            items in prop::collection::vec((0..20_u32, 0..100_u32), 0..100),
        ) {
            let (mut sorted, mut model) = (items.clone(), items);
            sort_by_key(&mut sorted, |&(key, _)| key);
            model.sort_by_key(|&(key, _)| key);
            prop_assert_eq!(sorted, model);
        }
    }
}
