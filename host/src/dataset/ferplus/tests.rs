use mien_models::label::Labels;
use proptest::prelude::*;

use super::*;
use crate::dataset::PIXELS;
use crate::dataset::error::MAX_REPORTED;
use crate::dataset::lines::MAX_LINE_BYTES;

const HEADER: &str =
    "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF\n";

fn read_text(text: impl AsRef<[u8]>) -> Result<Votes, DatasetError> {
    read_rows(text.as_ref(), Path::new("votes.csv"))
}

fn votes(rows: &[[u8; 10]]) -> Votes {
    let mut votes = Votes::default();
    for &counts in rows {
        votes.push(counts, Split::Training);
    }
    votes
}

fn data(rows: &[(u8, Split)]) -> Dataset {
    let mut data = Dataset::new(Labels::fer2013());
    for &(class, split) in rows {
        data.push(&[class; PIXELS], class, split);
    }
    data
}

#[test]
fn rows_come_in_the_order_of_the_file_with_their_splits() {
    let text = format!(
        "{HEADER}Training,fer0000000.png,4,0,0,1,3,2,0,0,0,0\r\nPublicTest,,0,0,0,0,0,0,0,0,0,10\n"
    );
    let read = read_text(text).unwrap();
    assert_eq!(read.len(), 2);
    assert_eq!(read.counts(0), &[4, 0, 0, 1, 3, 2, 0, 0, 0, 0]);
    assert_eq!((read.not_a_face(0), read.not_a_face(1)), (0, 10));
    assert_eq!(read.splits, [Split::Training, Split::PublicTest]);
}

#[test]
fn columns_may_stand_in_another_order() {
    let text = "NF,unknown,contempt,fear,disgust,anger,sadness,surprise,happiness,neutral,usage\n\
                9,8,7,6,5,4,3,2,1,0,training\n";
    let read = read_text(text).unwrap();
    assert_eq!(read.counts(0), &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
}

#[test]
fn bad_files_are_told_apart_and_rows_named() {
    let error = read_text("emotion,pixels,Usage\n").unwrap_err().to_string();
    assert!(
        error.contains("is not FERPlus's") && error.contains("neutral, happiness"),
        "{error}"
    );
    let error = read_text(format!(
        "{HEADER}Training,a,1,2\nTest,a,0,0,0,0,0,0,0,0,0,0\n"
    ))
    .unwrap_err()
    .to_string();
    assert!(
        error.contains("line 2: 4 column(s) instead of 12"),
        "{error}"
    );
    assert!(error.contains("line 3: usage `Test`"), "{error}");
    let many = "Training,a,0,0,0,0,-1,0,0,0,0,0\n".repeat(MAX_REPORTED + 2);
    let error = read_text(format!("{HEADER}{many}"))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("line 2: column `anger` is `-1` instead of a number of votes"),
        "{error}"
    );
    assert!(error.ends_with("and 2 more bad rows"), "{error}");
    let endless = [HEADER.as_bytes(), &vec![b'1'; 4 * MAX_LINE_BYTES]].concat();
    let error = read_text(endless).unwrap_err().to_string();
    assert!(error.contains("line 2: the line has more than"), "{error}");
    let missing = read(Path::new("/no/such/votes.csv")).unwrap_err();
    assert!(matches!(missing, DatasetError::Read { .. }));
}

#[test]
fn majorities_are_in_fer2013_order_and_never_a_tie() {
    let one = |column: usize| {
        let mut counts = [1; 10];
        counts[column] = 3;
        votes(&[counts]).majority(0)
    };
    let found: Vec<_> = (0..10).map(one).collect();
    let labels = Labels::fer2013();
    for (column, name) in [
        "neutral", "happy", "surprise", "sad", "angry", "disgust", "fear",
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(found[column], labels.index_of(name), "{name}");
    }
    assert_eq!(found[7..], [None; 3]);
    let tie = votes(&[
        [5, 5, 0, 0, 0, 0, 0, 0, 0, 0],
        [5, 0, 0, 0, 0, 0, 0, 0, 0, 5],
    ]);
    assert_eq!((tie.majority(0), tie.majority(1)), (None, None));
}

#[test]
fn contempt_goes_where_it_is_told() {
    // neutral 2, disgust 1, contempt 1, unknown 3, no face 3
    let votes = votes(&[
        [2, 0, 0, 0, 0, 1, 0, 1, 3, 3],
        [0, 0, 0, 0, 0, 0, 0, 4, 3, 3],
    ]);
    let third = 1.0 / 3.0;
    for (contempt, expected) in [
        (
            Contempt::Dropped,
            [0.0, third, 0.0, 0.0, 0.0, 0.0, 2.0 * third],
        ),
        (Contempt::Disgust, [0.0, 0.5, 0.0, 0.0, 0.0, 0.0, 0.5]),
        (Contempt::Neutral, [0.0, 0.25, 0.0, 0.0, 0.0, 0.0, 0.75]),
    ] {
        let found = votes.distribution(0, contempt).unwrap();
        for (found, expected) in found.into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{contempt:?}");
        }
    }
    assert_eq!(votes.distribution(1, Contempt::Dropped), None);
    assert_eq!(votes.distribution(1, Contempt::Disgust).unwrap()[1], 1.0);
}

#[test]
fn votes_are_attached_to_their_pictures_only() {
    use Split::{PrivateTest, PublicTest, Training};
    let mut votes = Votes::default();
    votes.push([10, 0, 0, 0, 0, 0, 0, 0, 0, 0], Training);
    votes.push([0, 10, 0, 0, 0, 0, 0, 0, 0, 0], PrivateTest);
    votes.push([0, 0, 10, 0, 0, 0, 0, 0, 0, 0], PublicTest);

    let mut without_private = data(&[(6, Training), (5, PublicTest)]);
    assert_eq!(without_private.votes(0), None);
    without_private.attach_votes(votes.clone()).unwrap();
    assert_eq!(without_private.votes(1).unwrap()[2], 10);
    assert_eq!(without_private.all_votes().unwrap().majority(1), Some(5));
    without_private.push(&[1; PIXELS], 0, Training);
    assert_eq!(without_private.votes(0), None, "a new picture has no votes");

    let error = data(&[(6, Training), (6, Training)])
        .attach_votes(votes.clone())
        .unwrap_err();
    let expected = VotesError::Count {
        votes: 1,
        pictures: 2,
    };
    assert_eq!(error, expected);

    let mut swapped = data(&[(6, Training), (5, PublicTest), (3, PrivateTest)]);
    let error = swapped.attach_votes(votes).unwrap_err();
    assert_eq!(
        error.to_string(),
        "row 2 of the votes is of PrivateTest, its picture of PublicTest"
    );
    assert_eq!(swapped.votes(0), None);
}

#[test]
fn votes_on_other_pictures_are_found_out() {
    let mut votes = Votes::default();
    let mut rows = Vec::new();
    for index in 0..2 * COMPARED_MIN {
        let mut counts = [0; 10];
        counts[index % 7] = 10;
        votes.push(counts, Split::Training);
        rows.push((CLASS_OF_COLUMN[index % 7] as u8, Split::Training));
    }
    data(&rows).attach_votes(votes.clone()).unwrap();
    // By class, as folders of pictures are.
    rows.sort();
    let error = data(&rows).attach_votes(votes).unwrap_err();
    assert!(matches!(error, VotesError::Unrelated { .. }), "{error}");
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = read_text(&bytes);
        let _ = read_text([HEADER.as_bytes(), &bytes].concat());
    }

    #[test]
    fn distributions_sum_to_one(counts: [u8; 10]) {
        let votes = votes(&[counts]);
        for contempt in [Contempt::Dropped, Contempt::Disgust, Contempt::Neutral] {
            if let Some(shares) = votes.distribution(0, contempt) {
                prop_assert!((shares.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            }
        }
    }
}
