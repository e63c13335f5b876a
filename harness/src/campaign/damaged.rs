//! Metadata that changed on its way: one byte that is another, and numbers - lengths and counts - that are hard to read.

use std::sync::Arc;

use mock_ucx::schedule::FaultSpec;

use super::plan::{DAMAGED, Planned};
use crate::execute::case::Note;
use crate::nixl::metadata::Field;
use crate::scenario::generate::{BACK_MAX, CHANGE_BYTES, Damage, Number, Stream};

/// What is written over bytes: small numbers, which count things and name kinds of them, and the largest.
const BYTES: [u8; 10] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 0xff];
/// Lists that bytes, and numbers, are divided into: each has the turns of a scenario.
const LISTS_OF_BYTES: usize = 4;
const LISTS_OF_NUMBERS: usize = 6;
/// What is counted is told in so many bytes, and no number in more.
const COUNT_BYTES: usize = 8;

/// Metadata as it is: where its fields lie is seen when it is played.
pub(super) fn undamaged() -> Planned {
    planned("metadata".to_owned(), Vec::new())
}

/// The fields of the first metadata that was taken in a case.
pub(super) fn seen(notes: &[Note]) -> Vec<Field> {
    let taken = |note: &&Note| note.line.starts_with("get_md ");
    let first = notes.iter().find(taken);
    let texts = first.map_or(&[][..], |note| &note.measured);
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

/// The same with changes, in lists that are to have turns like those of scenarios, each in an order that the seed says.
pub(super) fn lists(seed: u64, fields: &[Field]) -> Vec<Vec<Planned>> {
    let places = 0..fields.last().map_or(0, Field::end);
    // A number that is another is more than a letter of a name or a part of a key that is.
    let is_of_number = |place: &usize| {
        let within = |field: &&Field| (field.data_at()..field.end() - 1).contains(place);
        let field = fields.iter().find(within);
        field.is_some_and(|field| field.len <= COUNT_BYTES)
    };
    let (of_numbers, others) = places.partition::<Vec<_>, _>(is_of_number);
    let numbers = [bytes(&of_numbers), numbers(fields)].concat();
    let numbers = divided(shuffled(seed, numbers), LISTS_OF_NUMBERS);
    let others = divided(shuffled(seed, bytes(&others)), LISTS_OF_BYTES);
    numbers.chain(others).collect()
}

/// Each of these bytes, as each of some others.
fn bytes(places: &[usize]) -> Vec<Planned> {
    let places = places.iter().filter_map(|place| u16::try_from(*place).ok());
    let each = places.flat_map(|place| BYTES.map(|byte| (place, byte)));
    let one = |(place, byte)| {
        let name = format!("metadata-{place}-{byte}");
        planned(name, vec![Damage::byte(place, byte)])
    };
    each.map(one).collect()
}

/// Each length as a number that is hard to read, alone and beside a count that is the largest: a length that leads back is then read again
/// and again.
fn numbers(fields: &[Field]) -> Vec<Planned> {
    let counts = fields.iter().filter(|field| field.len == COUNT_BYTES);
    let counts: Vec<usize> = counts.map(Field::data_at).collect();
    let mut cases = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        let at = field.length_at();
        for number in [Number::Small(0), Number::Largest, Number::LargestSigned] {
            cases.extend(one(at, number));
        }
        for target in &fields[..=index] {
            let back = back(field, target);
            cases.extend(back.and_then(|back| one(at, back)));
            let earlier = counts.iter().filter(|count| **count < target.start);
            cases.extend(earlier.filter_map(|count| beside(*count, at, back?)));
        }
    }
    for count in counts {
        for number in [Number::Small(2), Number::Largest, Number::LargestSigned] {
            cases.extend(one(count, number));
        }
    }
    cases
}

/// The length with which the reader goes on behind `field` at the beginning of `target`.
fn back(field: &Field, target: &Field) -> Option<Number> {
    let behind = field.data_at() + 1;
    let back = u16::try_from(behind.checked_sub(target.start)?).ok()?;
    (back <= BACK_MAX).then_some(Number::Back(back))
}

fn one(at: usize, number: Number) -> Option<Planned> {
    let place = u16::try_from(at).ok()?;
    let name = format!("metadata-{at}-{number}");
    Some(planned(name, vec![Damage::number(place, number)]))
}

fn beside(count: usize, at: usize, number: Number) -> Option<Planned> {
    let (count_place, place) = (u16::try_from(count).ok()?, u16::try_from(at).ok()?);
    let name = format!("metadata-{count}-{at}-{number}");
    let changes = [
        Damage::number(count_place, Number::LargestSigned),
        Damage::number(place, number),
    ];
    Some(planned(name, changes.to_vec()))
}

fn planned(name: String, changes: Vec<[u8; CHANGE_BYTES]>) -> Planned {
    Planned {
        origin: DAMAGED,
        scenario: Arc::new(Damage::of_changes(changes).scenario(&name)),
        faults: FaultSpec::default(),
    }
}

fn shuffled(seed: u64, cases: Vec<Planned>) -> Vec<Planned> {
    let mut keyed: Vec<(u64, Planned)> = (0..)
        .zip(cases)
        .map(|(number, case)| (Stream::new(seed, number).next_number(), case))
        .collect();
    keyed.sort_by_key(|(key, _)| *key);
    keyed.into_iter().map(|(_, case)| case).collect()
}

fn divided(cases: Vec<Planned>, lists: usize) -> impl Iterator<Item = Vec<Planned>> {
    let share = cases.len().div_ceil(lists).max(1);
    let mut cases = cases.into_iter();
    std::iter::from_fn(move || {
        let list: Vec<Planned> = cases.by_ref().take(share).collect();
        (!list.is_empty()).then_some(list)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    /// As those of 1.5.1 begin.
    fn fields() -> Vec<Field> {
        let texts = ["Agent@11+3", "Conns@28+8", "t@50+3", "c@63+20"];
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn texts(cases: &[Planned]) -> Vec<String> {
        let text = |case: &Planned| case.scenario.to_string();
        cases.iter().map(text).collect()
    }

    #[test]
    fn every_byte_is_changed_in_an_order_of_the_seed() {
        let of_seed = |seed| texts(&lists(seed, &fields()).concat());
        let (mut one, mut other) = (of_seed(1), of_seed(2));
        assert_ne!(one, other);
        one.sort();
        other.sort();
        assert_eq!(one, other);
        for place in 0..fields()[3].end() {
            let change = format!("write_md m0 at={place} \"\\xff\"\nload_md");
            let has = |text: &&String| text.contains(&change);
            assert_eq!(one.iter().filter(has).count(), 1, "{change}");
        }
    }

    #[test]
    fn a_length_that_leads_back_comes_with_a_count_that_lets_it_be_read_again() {
        let texts = texts(&numbers(&fields()));
        // Behind `c`, the reader is at 73 and goes back to the `t` at 50.
        let count = r#"write_md m0 at=41 "\xff\xff\xff\xff\xff\xff\xff\x7f""#;
        let length = r#"write_md m0 at=64 "\xe9\xff\xff\xff\xff\xff\xff\xff""#;
        let both = format!("{count}\n{length}\n");
        assert_eq!(texts.iter().filter(|text| text.contains(&both)).count(), 1);
        let alone = |text: &&String| text.contains(length) && !text.contains(count);
        assert_eq!(texts.iter().filter(alone).count(), 1);
    }

    #[test]
    fn every_case_reads_back_from_its_text() {
        for text in texts(&numbers(&fields())) {
            assert!(Scenario::parse(&text).is_ok(), "{text}");
        }
    }

    #[test]
    fn numbers_come_before_letters_and_keys() {
        let lists = lists(1, &fields());
        assert_eq!(lists.len(), LISTS_OF_NUMBERS + LISTS_OF_BYTES);
        let (numbers, others) = lists.split_at(LISTS_OF_NUMBERS);
        // The count of connections, and a byte of an address.
        let has = |lists: &[Vec<Planned>], change: &str| {
            texts(&lists.concat())
                .iter()
                .any(|text| text.contains(change))
        };
        assert!(has(numbers, r#"at=41 "\x05""#) && !has(others, r#"at=41 "\x05""#));
        assert!(has(others, r#"at=80 "\x05""#) && !has(numbers, r#"at=80 "\x05""#));
    }

    #[test]
    fn without_fields_nothing_is_changed() {
        assert!(lists(1, &[]).is_empty());
    }
}
