//! Which numbers are taken, and which of them exec closes: two bitmaps, used under the table's lock.

use alloc::vec::Vec;

/// Grows with the highest number taken; what lies beyond is free.
#[derive(Default)]
pub(super) struct Book {
    taken: Vec<u64>,
    cloexec: Vec<u64>,
    /// Every number below is taken.
    next: u32,
}

const fn word(number: u32) -> usize {
    number as usize / 64
}

const fn bit(number: u32) -> u64 {
    1 << (number % 64)
}

fn is_set(map: &[u64], number: u32) -> bool {
    map.get(word(number)).is_some_and(|bits| bits & bit(number) != 0)
}

impl Book {
    /// The lowest free number that is at least `from` and below `limit`. A word of 64 numbers a step.
    pub(super) fn lowest(&self, from: u32, limit: u32) -> Option<u32> {
        let from = from.max(self.next);
        let mut index = word(from);
        let mut below = bit(from) - 1;
        let number = loop {
            let bits = self.taken.get(index).copied().unwrap_or(0) | below;
            if bits != u64::MAX {
                break index as u64 * 64 + u64::from(bits.trailing_ones());
            }
            index += 1;
            below = 0;
        };
        u32::try_from(number).ok().filter(|&number| number < limit)
    }

    /// Takes a number, which exec does not close.
    pub(super) fn take(&mut self, number: u32) {
        if self.taken.len() <= word(number) {
            self.taken.resize(word(number) + 1, 0);
            self.cloexec.resize(word(number) + 1, 0);
        }
        self.taken[word(number)] |= bit(number);
        self.cloexec[word(number)] &= !bit(number);
        if number == self.next {
            self.next += 1;
        }
    }

    /// The number is free again.
    pub(super) fn give_back(&mut self, number: u32) {
        self.taken[word(number)] &= !bit(number);
        self.cloexec[word(number)] &= !bit(number);
        self.next = self.next.min(number);
    }

    pub(super) fn is_taken(&self, number: u32) -> bool {
        is_set(&self.taken, number)
    }

    pub(super) fn is_cloexec(&self, number: u32) -> bool {
        is_set(&self.cloexec, number)
    }

    /// Only for a number that is taken.
    pub(super) fn set_cloexec(&mut self, number: u32, on: bool) {
        if on {
            self.cloexec[word(number)] |= bit(number);
        } else {
            self.cloexec[word(number)] &= !bit(number);
        }
    }

    /// The first number from there on that exec closes.
    pub(super) fn next_cloexec(&self, from: u32) -> Option<u32> {
        let mut above = u64::MAX << (from % 64);
        for index in word(from)..self.cloexec.len() {
            let bits = self.cloexec[index] & above;
            if bits != 0 {
                return u32::try_from(index as u64 * 64 + u64::from(bits.trailing_zeros())).ok();
            }
            above = u64::MAX;
        }
        None
    }

    /// Above the highest number taken.
    pub(super) fn end(&self) -> u32 {
        let full = self.taken.iter().rposition(|&bits| bits != 0);
        full.map_or(0, |index| {
            let high = 64 - self.taken[index].leading_zeros();
            u32::try_from(index as u64 * 64 + u64::from(high)).unwrap_or(u32::MAX)
        })
    }

    /// The first 64 numbers, for observers outside the model.
    #[cfg(any(graceref_loom, graceref_shuttle))]
    pub(super) fn first(&self) -> u64 {
        self.taken.first().copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::Book;

    #[test]
    fn the_lowest_number_is_found_across_words_and_from_a_minimum() {
        let mut book = Book::default();
        for number in 0..130 {
            assert_eq!(book.lowest(0, u32::MAX), Some(number));
            book.take(number);
        }
        assert_eq!(book.lowest(0, 130), None);
        assert_eq!(book.end(), 130);
        book.give_back(64);
        book.give_back(3);
        assert_eq!(book.lowest(0, 130), Some(3));
        assert_eq!(book.lowest(4, 130), Some(64));
        assert_eq!(book.lowest(65, 131), Some(130));
        book.take(3);
        assert_eq!(book.lowest(0, 130), Some(64));
    }

    #[test]
    fn the_highest_number_of_all_is_below_no_limit() {
        let book = Book::default();
        assert_eq!(book.lowest(u32::MAX, u32::MAX), None);
        assert_eq!(book.lowest(u32::MAX - 1, u32::MAX), Some(u32::MAX - 1));
    }

    #[test]
    fn what_exec_closes_is_found_in_order_and_forgotten_with_its_number() {
        let mut book = Book::default();
        for number in [0, 63, 64, 200] {
            book.take(number);
            book.set_cloexec(number, true);
        }
        book.set_cloexec(63, false);
        book.give_back(64);
        book.take(64);
        assert_eq!(book.next_cloexec(0), Some(0));
        assert_eq!(book.next_cloexec(1), Some(200));
        assert_eq!(book.next_cloexec(201), None);
        assert_eq!(book.next_cloexec(u32::MAX), None);
        assert!(book.is_taken(63) && !book.is_cloexec(63));
    }
}
