//! Lists from a file that cannot grow beyond their limit.

use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};

/// Deserializes a list and keeps its first `LIMIT` elements plus one: enough for the payload's
/// `validate` to see that the limit is broken and to say which, while a hostile length costs
/// no memory. For `#[serde(deserialize_with = "vec::<_, _, LIMIT>")]`.
///
/// # Errors
/// Those of the elements.
pub fn vec<'de, D, T, const LIMIT: usize>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    deserializer.deserialize_seq(Bounded::<T, LIMIT>(PhantomData))
}

struct Bounded<T, const LIMIT: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const LIMIT: usize> Visitor<'de> for Bounded<T, LIMIT> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {LIMIT} elements")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = seq.next_element()? {
            if list.len() <= LIMIT {
                list.push(element);
            }
        }
        Ok(list)
    }
}
