//! Values by name in a fixed order, a JSON object when serialized.

use serde::{Serialize, Serializer};

/// Named values in the order they were given; the names are unique.
#[derive(Clone, Debug, PartialEq)]
pub struct ByName<T>(pub Vec<(String, T)>);

impl<T> ByName<T> {
    /// The value of `name`.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, v)| v)
    }
}

impl<S: Into<String>, T> FromIterator<(S, T)> for ByName<T> {
    fn from_iter<I: IntoIterator<Item = (S, T)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(n, v)| (n.into(), v)).collect())
    }
}

impl<T: Serialize> Serialize for ByName<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(n, v)| (n, v)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_kept() {
        let map: ByName<u8> = [("sad", 1), ("angry", 2)].into_iter().collect();
        assert_eq!(
            serde_json::to_string(&map).unwrap(),
            r#"{"sad":1,"angry":2}"#
        );
        assert_eq!((map.get("angry"), map.get("fear")), (Some(&2), None));
    }
}
