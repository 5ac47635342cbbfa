//! How the data's classes meet a model's labels: by name. A label such as `sad|neutral` stands
//! for several classes.

use mien_models::label::Labels;

/// The four groups of the project Mien grew from; their names are the labels of models that
/// were trained on them.
pub const FOUR_GROUPS: [&str; 4] = ["angry", "disgust|fear|surprise", "happy", "sad|neutral"];

/// The model's label that stands for a class.
pub fn label_for(class: &str, model: &Labels) -> Option<usize> {
    model
        .iter()
        .position(|label| parts(label).any(|part| part == class))
}

/// The group that a label's classes belong to; `None` for classes outside the groups and for
/// labels that straddle two.
pub fn four_group(label: &str) -> Option<usize> {
    let group_of = |class: &str| {
        FOUR_GROUPS
            .iter()
            .position(|group| parts(group).any(|part| part == class))
    };
    let mut groups = parts(label).map(group_of);
    let first = groups.next()??;
    groups.all(|group| group == Some(first)).then_some(first)
}

fn parts(label: &str) -> impl Iterator<Item = &str> {
    label.split('|')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seven_classes_fall_into_four_groups() {
        let labels = Labels::fer2013();
        let groups: Vec<_> = labels.iter().map(four_group).collect();
        assert_eq!(groups, [0, 1, 1, 2, 3, 1, 3].map(Some));
        let named: Vec<_> = FOUR_GROUPS.into_iter().map(four_group).collect();
        assert_eq!(named, [0, 1, 2, 3].map(Some));
        assert_eq!(four_group("contempt"), None);
        assert_eq!(four_group("angry|happy"), None);
    }

    #[test]
    fn classes_meet_labels_by_name() {
        let seven = Labels::fer2013();
        let four = Labels::new(FOUR_GROUPS).unwrap();
        let turned = Labels::new(["neutral", "happy", "contempt"]).unwrap();
        let to = |model: &Labels| {
            seven
                .iter()
                .map(|c| label_for(c, model))
                .collect::<Vec<_>>()
        };
        assert_eq!(to(&seven), [0, 1, 2, 3, 4, 5, 6].map(Some));
        assert_eq!(to(&four), [0, 1, 1, 2, 3, 1, 3].map(Some));
        let happy_and_neutral = [None, None, None, Some(1), None, None, Some(0)];
        assert_eq!(to(&turned), happy_and_neutral);
    }
}
