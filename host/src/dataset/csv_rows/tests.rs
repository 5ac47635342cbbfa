use mien_models::label::Labels;
use proptest::prelude::*;

use super::*;
use crate::dataset::error::{BadRow, MAX_REPORTED};
use crate::dataset::lines::MAX_LINE_BYTES;

fn read(text: impl AsRef<[u8]>) -> Result<Dataset, DatasetError> {
    let mut dataset = Dataset::new(Labels::fer2013());
    read_rows(text.as_ref(), Path::new("made.csv"), &mut dataset)?;
    Ok(dataset)
}

fn bad_rows(text: impl AsRef<[u8]>) -> (Vec<BadRow>, usize) {
    match read(text) {
        Err(DatasetError::BadRows { rows, more, .. }) => (rows, more),
        other => panic!("{other:?}"),
    }
}

/// A picture with a gradient that starts at `seed`, as the csv writes it.
fn picture(seed: usize) -> (Vec<u8>, String) {
    let pixels: Vec<u8> = (0..PIXELS).map(|i| ((i + seed) % 256) as u8).collect();
    let words: Vec<String> = pixels.iter().map(u8::to_string).collect();
    (pixels, words.join(" "))
}

#[test]
fn rows_keep_order_class_split_and_pixels() {
    let ((first, a), (second, b)) = (picture(1), picture(2));
    let data = read(format!(
        "emotion,pixels,Usage\n0,{a},Training\n6,{b},PublicTest\n"
    ))
    .unwrap();
    assert_eq!(data.len(), 2);
    assert_eq!((data.label(0), data.split(0)), (0, Split::Training));
    assert_eq!((data.label(1), data.split(1)), (6, Split::PublicTest));
    assert_eq!(data.pixels(0), first);
    assert_eq!(data.pixels(1), second);
}

#[test]
fn header_with_spaces_and_other_order_is_read() {
    let (pixels, words) = picture(9);
    let text = format!("emotion, Usage, pixels\r\n3, PrivateTest, {words}\r\n");
    let data = read(text).unwrap();
    assert_eq!((data.label(0), data.split(0)), (3, Split::PrivateTest));
    assert_eq!(data.pixels(0), pixels);
}

#[test]
fn quotes_byte_order_mark_blank_lines_and_a_missing_last_newline_are_fine() {
    let (pixels, words) = picture(5);
    let text = format!("\u{feff}emotion,pixels,Usage\n\n\"4\",\"{words}\",\"Training\"");
    let data = read(text).unwrap();
    assert_eq!((data.len(), data.label(0)), (1, 4));
    assert_eq!(data.pixels(0), pixels);
}

#[test]
fn every_kind_of_bad_row_is_reported_with_its_line() {
    let (_, good) = picture(0);
    let short = good.rsplit_once(' ').unwrap().0;
    let high = good.replacen("7", "256", 1);
    let text = format!(
        "emotion,pixels,Usage\n\
         0,{good},Training\n\
         7,{good},Training\n\
         0,{good},Test\n\
         0,{short},Training\n\
         0,{good} 1,Training\n\
         0,{high},Training\n\
         0,{good}\n"
    );
    let (rows, more) = bad_rows(text);
    let expected = [
        (3, RowProblem::Label("7".into())),
        (4, RowProblem::Usage("Test".into())),
        (5, RowProblem::PixelCount(PIXELS - 1)),
        (6, RowProblem::PixelCount(PIXELS + 1)),
        (
            7,
            RowProblem::PixelValue {
                position: 7,
                text: "256".into(),
            },
        ),
        (
            8,
            RowProblem::Columns {
                found: 2,
                wanted: 3,
            },
        ),
    ];
    let expected = expected.map(|(line, problem)| BadRow { line, problem });
    assert_eq!((rows, more), (expected.into(), 0));
}

#[test]
fn blank_lines_do_not_shift_line_numbers() {
    let (rows, _) = bad_rows("emotion,pixels,Usage\n\n\n0,1 2 3,Training\n");
    assert_eq!(rows[0].line, 4);
}

#[test]
fn only_the_first_bad_rows_are_listed_and_the_rest_counted() {
    let text = format!(
        "emotion,pixels,Usage\n{}",
        "0,1,Training\n".repeat(MAX_REPORTED + 5)
    );
    let error = read(&text).unwrap_err().to_string();
    assert!(
        error.contains("line 2: 1 pixels instead of 2304"),
        "{error}"
    );
    assert!(error.ends_with("and 5 more bad rows"), "{error}");
    assert_eq!(bad_rows(text).0.len(), MAX_REPORTED);
}

#[test]
fn a_line_without_end_stops_at_the_limit() {
    let mut text = b"emotion,pixels,Usage\n".to_vec();
    text.resize(4 * MAX_LINE_BYTES, b'1');
    let (rows, more) = bad_rows(text);
    let problem = RowProblem::TooLong(MAX_LINE_BYTES);
    assert_eq!((rows, more), (vec![BadRow { line: 2, problem }], 0));
}

#[test]
fn missing_columns_are_named() {
    let error = read("emotion,pixels\n").unwrap_err().to_string();
    assert!(error.contains("column(s) Usage"), "{error}");
    let error = read([0xff, 0x00, 0x1b]).unwrap_err().to_string();
    assert!(error.contains("emotion, pixels, Usage"), "{error}");
    assert!(!error.contains('\u{1b}'), "{error:?}");
    assert!(matches!(read(""), Err(DatasetError::Header { .. })));
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(&bytes);
        let mut with_header = b"emotion,pixels,Usage\n".to_vec();
        with_header.extend(bytes);
        let _ = read(with_header);
    }

    #[test]
    fn every_number_reads_as_itself(value: u8, zeros in 0usize..3) {
        let text = format!("{}{value}", "0".repeat(zeros));
        prop_assert_eq!(parse_u8(text.as_bytes()), Some(value));
    }

    #[test]
    fn numbers_above_255_are_refused(value in 256u32..) {
        prop_assert_eq!(parse_u8(value.to_string().as_bytes()), None);
    }
}
