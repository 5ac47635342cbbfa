//! Label lists and what labels look like.

use std::collections::HashSet;

use mien_models::label::{Expression, Icon, LabelError, Labels, MAX_LABELS, Rgb, appearance};

#[test]
fn the_seven_classes_stand_in_fer2013_order() {
    let labels = Labels::fer2013();
    let names: Vec<_> = labels.iter().collect();
    assert_eq!(
        names,
        [
            "angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"
        ]
    );
    assert_eq!(labels.validate(), Ok(()));
    for (index, expression) in Expression::ALL.into_iter().enumerate() {
        assert_eq!(expression.index(), index);
        assert_eq!(Expression::from_index(index), Some(expression));
        assert_eq!(labels.name(index), Some(expression.name()));
        assert_eq!(labels.index_of(expression.name()), Some(index));
    }
    assert_eq!(Expression::from_index(7), None);
    assert_eq!(labels.name(7), None);
    assert_eq!(labels.index_of("Happy"), None);
}

#[test]
fn each_broken_rule_has_its_error() {
    let sixteen: Vec<String> = (0..MAX_LABELS).map(|i| format!("class {i}")).collect();
    let seventeen = || sixteen.iter().map(String::as_str).chain(["one more"]);
    let longest = "x".repeat(24);
    let cases: [(Vec<&str>, Result<usize, LabelError>); 9] = [
        (vec![], Err(LabelError::Empty)),
        (seventeen().take(16).collect(), Ok(16)),
        (seventeen().collect(), Err(LabelError::TooMany)),
        (vec!["calm", ""], Err(LabelError::EmptyName { index: 1 })),
        (vec![&longest], Ok(1)),
        (
            // 23 bytes and a letter of two.
            vec!["calm", "xxxxxxxxxxxxxxxxxxxxxxxé"],
            Err(LabelError::TooLong { index: 1 }),
        ),
        (
            vec!["\u{1b}[31mred"],
            Err(LabelError::ControlCharacter { index: 0 }),
        ),
        (
            vec!["a", "b", "c", "b"],
            Err(LabelError::Duplicate { first: 1, index: 3 }),
        ),
        (vec!["zufrieden", "wütend"], Ok(2)),
    ];
    for (names, expected) in cases {
        let labels = Labels::new(names.iter().copied());
        assert_eq!(labels.map(|l| l.len()), expected, "{names:?}");
    }
}

#[test]
fn appearances_are_looked_up_by_name_and_differ() {
    let colors: HashSet<Rgb> = Expression::ALL.map(|e| e.appearance().color).into();
    let icons: HashSet<Icon> = Expression::ALL.map(|e| e.appearance().icon).into();
    let glyphs: HashSet<&str> = Expression::ALL.map(|e| e.appearance().icon.glyph()).into();
    assert_eq!((colors.len(), icons.len(), glyphs.len()), (7, 7, 7));
    for expression in Expression::ALL {
        let looks = appearance(expression.name());
        assert_eq!(looks, expression.appearance());
        assert_eq!(looks, appearance(&expression.name().to_uppercase()));
        let glyph = looks.icon.glyph();
        assert!((1..=3).contains(&glyph.len()) && glyph.is_ascii());
    }
    assert_eq!(
        appearance("contempt"),
        Expression::Neutral.appearance(),
        "a class of a retrained model"
    );
    let Rgb { r, g, b } = Rgb::from_hex(0x00_12_34_56);
    assert_eq!((r, g, b), (0x12, 0x34, 0x56));
}
