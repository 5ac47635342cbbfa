//! The usual spellings of FER2013's classes and of its splits.

use super::Split;

/// Spellings per class, in FER2013 order, lower case.
const SPELLINGS: [&[&str]; 7] = [
    &["angry", "anger"],
    &["disgust", "disgusted"],
    &["fear", "fearful", "afraid", "scared"],
    &["happy", "happiness", "joy"],
    &["sad", "sadness"],
    &["surprise", "surprised"],
    &["neutral"],
];

/// FER2013's class index for a name in any usual spelling, or for its number `0`..`6`. A number
/// before the name (`0_angry`, `3 - happy`) is skipped. Case and outer spaces do not matter.
pub fn class_index(text: &str) -> Option<u8> {
    let text = text.trim().to_ascii_lowercase();
    if let Ok(number) = text.parse::<u8>() {
        return (usize::from(number) < SPELLINGS.len()).then_some(number);
    }
    let name = text.trim_start_matches(|c: char| c.is_ascii_digit() || " _-.".contains(c));
    let index = SPELLINGS
        .iter()
        .position(|spellings| spellings.contains(&name))?;
    Some(index as u8)
}

/// The split of a `Usage` value: `Training`, `PublicTest` or `PrivateTest` in any case.
pub(super) fn usage_split(text: &str) -> Option<Split> {
    Split::ALL
        .into_iter()
        .find(|split| split.name().eq_ignore_ascii_case(text.trim()))
}

/// The split of a folder's name. `test` is what must not choose a model: PrivateTest.
pub(super) fn folder_split(name: &str) -> Option<Split> {
    match name.to_ascii_lowercase().as_str() {
        "train" | "training" => Some(Split::Training),
        "val" | "valid" | "validation" | "public" | "publictest" | "public_test" => {
            Some(Split::PublicTest)
        }
        "test" | "private" | "privatetest" | "private_test" => Some(Split::PrivateTest),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mien_models::label::Labels;

    #[test]
    fn first_spellings_are_the_labels() {
        let labels = Labels::fer2013();
        for (index, spellings) in SPELLINGS.iter().enumerate() {
            assert_eq!(labels.index_of(spellings[0]), Some(index));
        }
    }

    #[test]
    fn spellings_of_other_people_are_known() {
        for (text, class) in [
            ("Angry", 0),
            ("anger", 0),
            ("DISGUSTED", 1),
            ("fearful", 2),
            ("happiness", 3),
            (" sadness ", 4),
            ("surprised", 5),
            ("neutral", 6),
            ("0", 0),
            ("6", 6),
            ("3_happy", 3),
            ("5 - Surprise", 5),
        ] {
            assert_eq!(class_index(text), Some(class), "{text}");
        }
        for text in ["", "7", "-1", "contempt", "happyish", "3_"] {
            assert_eq!(class_index(text), None, "{text}");
        }
    }

    #[test]
    fn usages_are_the_three_of_fer2013() {
        assert_eq!(usage_split(" training"), Some(Split::Training));
        assert_eq!(usage_split("PublicTest"), Some(Split::PublicTest));
        assert_eq!(usage_split("PrivateTest"), Some(Split::PrivateTest));
        assert_eq!(usage_split("Test"), None);
    }
}
