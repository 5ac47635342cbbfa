use std::fmt::Write;

use mien_models::cascade::{CascadeError, MAX_NODES_PER_TREE};
use mien_models::{container, embedded};
use proptest::prelude::*;

use super::*;

const HAAR: &str = r#"<?xml version="1.0"?>
<!--
    License: do as you like.
-->
<opencv_storage>
<cascade type_id="opencv-cascade-classifier"><stageType>BOOST</stageType>
  <featureType>HAAR</featureType>
  <height>20</height>
  <width>24</width>
  <stageParams>
    <maxWeakCount>2</maxWeakCount></stageParams>
  <featureParams>
    <maxCatCount>0</maxCatCount></featureParams>
  <stageNum>1</stageNum>
  <stages>
    <!-- stage 0 -->
    <_>
      <maxWeakCount>2</maxWeakCount>
      <stageThreshold>-5.0425500869750977e+00</stageThreshold>
      <weakClassifiers>
        <_>
          <internalNodes>
            0 -1 1 -3.1511999666690826e-02</internalNodes>
          <leafValues>
            2.0875380039215088e+00 -2.2172100543975830e+00</leafValues></_>
        <_>
          <internalNodes>
            1 0 0 1.5e-02 -1 -2 1 2.5e-02</internalNodes>
          <leafValues>
            1. -1. .5</leafValues></_></weakClassifiers></_></stages>
  <features>
    <_>
      <rects>
        <_>
          6 4 12 9 -1.</_>
        <_>
          6 7 12 3 3.</_></rects></_>
    <_>
      <rects>
        <_>
          10 2 3 4 -1.</_></rects>
      <tilted>1</tilted></_></features></cascade>
</opencv_storage>
"#;

const LBP: &str = r#"<opencv_storage>
<cascade><stageType>BOOST</stageType><featureType>LBP</featureType>
  <height>24</height><width>24</width>
  <featureParams><maxCatCount>256</maxCatCount></featureParams>
  <stages><_><stageThreshold>-0.75</stageThreshold><weakClassifiers><_>
    <internalNodes>0 -1 0 -67130709 -21569 -1426120013 -1275125205 -21585 -16385 587145899 -24005</internalNodes>
    <leafValues>-0.65 0.88</leafValues></_></weakClassifiers></_></stages>
  <features><_><rect>0 1 3 5</rect></_></features></cascade>
</opencv_storage>"#;

#[test]
fn a_haar_cascade_is_read() {
    let model = parse(HAAR, "a.xml").unwrap();
    assert_eq!(model.source, "a.xml");
    assert_eq!(model.licence, "    License: do as you like.");
    assert_eq!((model.window_width, model.window_height), (24, 20));
    let Ensemble::Haar(boosted) = model.ensemble else {
        panic!("the features are Haar's");
    };
    let [upright, tilted] = &boosted.features[..] else {
        panic!("there are two features");
    };
    assert!(!upright.tilted && tilted.tilted);
    let expected = WeightedRect {
        x: 6,
        y: 7,
        width: 12,
        height: 3,
        weight: 3.0,
    };
    assert_eq!(upright.rects[1], expected);
    let [stage] = &boosted.stages[..] else {
        panic!("there is one stage");
    };
    assert_eq!(stage.threshold, -5.042_55);
    let stump = Node {
        feature: 1,
        left: 0,
        right: -1,
        split: -0.031_512_f32,
    };
    assert_eq!(stage.trees[0].nodes, [stump]);
    assert_eq!(stage.trees[0].leaves, [2.087_538, -2.217_21]);
    let nodes = &stage.trees[1].nodes;
    assert_eq!((nodes[0].left, nodes[0].right), (1, 0));
    assert_eq!((nodes[1].left, nodes[1].right), (-1, -2));
    assert_eq!(stage.trees[1].leaves, [1.0, -1.0, 0.5]);
}

#[test]
fn an_lbp_cascade_is_read() {
    let model = parse(LBP, "b.xml").unwrap();
    assert_eq!(model.licence, "");
    let Ensemble::Lbp(boosted) = model.ensemble else {
        panic!("the features are patterns");
    };
    let feature = LbpFeature {
        x: 0,
        y: 1,
        block_width: 3,
        block_height: 5,
    };
    assert_eq!(boosted.features, [feature]);
    let node = boosted.stages[0].trees[0].nodes[0];
    assert_eq!(node.split[0], 0xFBFF_AAAB);
    assert_eq!(node.split[6], 587_145_899);
}

#[test]
fn the_shipped_cascade_survives_the_way_through_xml() {
    let file = embedded::CASCADE;
    let (_, model) = container::decode::<CascadeModel>(file).expect("the cascade is sound");
    assert_eq!(parse(&to_xml(&model), model.source).unwrap(), model);
}

/// The cascade as OpenCV would write it.
fn to_xml(model: &CascadeModel<'_>) -> String {
    let Ensemble::Haar(boosted) = &model.ensemble else {
        panic!("the shipped cascade has Haar features");
    };
    let mut xml = format!(
        "<?xml version=\"1.0\"?>\n<!--\n{}\n-->\n<opencv_storage><cascade>\
         <stageType>BOOST</stageType><featureType>HAAR</featureType>\
         <height>{}</height><width>{}</width><stages>",
        model.licence, model.window_height, model.window_width
    );
    for stage in &boosted.stages {
        let threshold = stage.threshold;
        write!(xml, "<_><stageThreshold>{threshold}</stageThreshold>").unwrap();
        xml += "<weakClassifiers>";
        for tree in &stage.trees {
            xml += "<_><internalNodes>";
            for node in &tree.nodes {
                let Node {
                    left,
                    right,
                    feature,
                    split,
                } = node;
                write!(xml, "{left} {right} {feature} {split} ").unwrap();
            }
            xml += "</internalNodes><leafValues>";
            for leaf in &tree.leaves {
                write!(xml, "{leaf:e} ").unwrap();
            }
            xml += "</leafValues></_>";
        }
        xml += "</weakClassifiers></_>";
    }
    xml += "</stages><features>";
    for feature in &boosted.features {
        xml += "<_><rects>";
        for rect in &feature.rects {
            let WeightedRect {
                x,
                y,
                width,
                height,
                weight,
            } = rect;
            write!(xml, "<_>{x} {y} {width} {height} {weight}</_>").unwrap();
        }
        let tilted = u8::from(feature.tilted);
        write!(xml, "</rects><tilted>{tilted}</tilted></_>").unwrap();
    }
    xml + "</features></cascade></opencv_storage>"
}

/// What the error says when `from` is replaced in the Haar cascade.
fn fault(from: &str, to: &str) -> CascadeImportError {
    assert!(HAAR.contains(from), "{from}");
    parse(&HAAR.replacen(from, to, 1), "a.xml").unwrap_err()
}

macro_rules! assert_fault {
    ($from:expr, $to:expr, $error:pat) => {
        let error = fault($from, $to);
        assert!(matches!(error, $error), "{error:?}");
        assert!(!error.to_string().is_empty());
    };
}

#[test]
fn what_is_no_cascade_is_refused() {
    use CascadeImportError as E;
    let error = |text: &str| parse(text, "a.xml").unwrap_err();
    assert!(matches!(error(""), E::NotXml(_)));
    assert!(matches!(error("\u{89}PNG\r\n"), E::NotXml(_)));
    assert!(matches!(error("{\"a\": 1}"), E::NotXml(_)));
    assert!(matches!(error("<html><p></html>"), E::NotXml(_)));
    assert!(matches!(error("<html></html>"), E::NotACascade));
    assert!(matches!(error("<opencv_storage/>"), E::NotACascade));
    assert_fault!("<stageType>BOOST</stageType>", "", E::NotACascade);
    assert_fault!(
        "opencv-cascade-classifier",
        "opencv-haar-classifier",
        E::OldFormat
    );
    assert_fault!("BOOST", "FOREST", E::Unsupported { .. });
    assert_fault!("HAAR", "HOG", E::Unsupported { .. });
    // Entities could blow a small file up.
    let bomb = HAAR.replacen("<!--", "<!DOCTYPE x [<!ENTITY a \"b\">]><!--", 1);
    assert!(matches!(error(&bomb), E::NotXml(_)));
}

#[test]
fn a_file_cut_short_is_told_from_other_damage() {
    for end in [HAAR.len() - 20, HAAR.len() / 2, 60] {
        let error = parse(&HAAR[..end], "a.xml").unwrap_err();
        assert!(
            matches!(
                error,
                CascadeImportError::Truncated | CascadeImportError::NotXml(_)
            ),
            "{error:?}"
        );
    }
    let error = parse(&HAAR[..HAAR.len() - 20], "a.xml").unwrap_err();
    assert!(matches!(error, CascadeImportError::Truncated), "{error:?}");
}

#[test]
fn missing_and_wrong_values_are_named_with_their_line() {
    use CascadeImportError as E;
    assert_fault!("<width>24</width>", "", E::Missing { name: "width", .. });
    assert_fault!("leafValues>", "leaves>", E::NotXml(_));
    assert_fault!("<featureType>HAAR</featureType>", "", E::Missing { .. });
    assert_fault!("-5.0425500869750977e+00", "", E::BadValue { .. });
    assert_fault!("-5.0425500869750977e+00", "1 2", E::BadValue { .. });
    assert_fault!("6 7 12 3 3.", "6 7 12 3", E::BadValue { .. });
    assert_fault!("6 7 12 3 3.", "6 7 12 3 3. 4", E::BadValue { .. });
    assert_fault!(
        "0 -1 1 -3.1511999666690826e-02",
        "0 -1 1",
        E::BadValue { .. }
    );
    let four = "<rects><_>0 0 1 1 1</_><_>0 0 1 1 1</_>";
    assert_fault!("<rects>", four, E::BadValue { .. });
    assert_fault!("6 7 12 3 3.", "6 7 twelve 3 3.", E::BadNumber { .. });
    assert_fault!("<width>24", "<width>1000000000", E::BadNumber { .. });
    assert_fault!("6 7 12 3 3.", "6 -7 12 3 3.", E::BadNumber { .. });
    assert_fault!("0 -1 1", "0 -1 70000", E::BadNumber { .. });
    let text = fault("6 7 12 3 3.", "6 7 twelve 3 3.").to_string();
    assert_eq!(
        text,
        "\"twelve\" in <_>, line 36, should be a whole number from 0 to 255"
    );
}

#[test]
fn numbers_that_make_no_cascade_are_refused() {
    use CascadeError as C;
    use CascadeImportError::Unsound;
    assert_fault!("<width>24", "<width>2", Unsound(C::Window { .. }));
    assert_fault!(
        "6 7 12 3 3.",
        "6 7 19 3 3.",
        Unsound(C::Outside { feature: 0 })
    );
    assert_fault!("10 2 3 4", "3 2 3 4", Unsound(C::Outside { feature: 1 }));
    assert_fault!("6 7 12 3 3.", "6 7 12 0 3.", Unsound(C::Outside { .. }));
    assert_fault!("6 7 12 3 3.", "6 7 12 3 1e99", Unsound(C::NotFinite { .. }));
    assert_fault!("0 -1 1", "0 -1 2", Unsound(C::Feature { feature: 2, .. }));
    assert_fault!("1 0 0 1.5e-02", "0 1 0 nan", Unsound(C::NotFinite { .. }));
    assert_fault!("-1 -2 1", "1 -2 1", Unsound(C::Child { child: 1, .. }));
    assert_fault!("-1 -2 1", "-1 -3 1", Unsound(C::Child { child: -3, .. }));
    assert_fault!("1. -1. .5", "1. -1.", Unsound(C::Leaves { .. }));
    let long = "1 0 0 0.5 ".repeat(MAX_NODES_PER_TREE + 1);
    assert_fault!(
        "1 0 0 1.5e-02 -1 -2 1 2.5e-02",
        &long,
        Unsound(C::Count { .. })
    );
}

#[test]
fn no_more_elements_are_kept_than_a_cascade_has() {
    let many = "<_/>".repeat(MAX_XML_NODES as usize + 1);
    assert!((many.len() as u64) < MAX_FILE_BYTES);
    assert_fault!(
        "<features>",
        &format!("<features>{many}"),
        CascadeImportError::TooManyElements { .. }
    );
}

#[test]
fn no_more_attributes_are_compared_than_a_cascade_has() {
    let many: String = (0..=MAX_ATTRIBUTES)
        .map(|i| format!(" a{i} = '1'"))
        .collect();
    for (from, to) in [
        ("<features>", format!("<features{many}>")),
        // Namespaces are inherited: in nested elements their lists grow with the square.
        (
            "<features>",
            format!("<features>{}", "<a xmlns:b=\"c\">".repeat(2_000)),
        ),
    ] {
        assert_fault!(from, &to, CascadeImportError::TooManyAttributes { .. });
    }
}

#[test]
fn deep_elements_take_no_stack() {
    // As deep as the limit of elements allows, closed and not.
    let open = "<_>".repeat(MAX_XML_NODES as usize - 200);
    let close = "</_>".repeat(MAX_XML_NODES as usize - 200);
    let closed = HAAR.replacen("<features>", &format!("<features>{open}{close}"), 1);
    assert!(parse(&closed, "a.xml").is_err());
    assert_fault!(
        "<features>",
        &format!("<features>{open}"),
        CascadeImportError::NotXml(_) | CascadeImportError::Truncated
    );
}

#[test]
fn more_trees_and_features_than_the_limit_are_refused() {
    use CascadeError as C;
    use CascadeImportError::Unsound;
    let feature = "<_><rects><_>6 4 12 9 -1.</_></rects></_>";
    let features = feature.repeat(mien_models::cascade::MAX_FEATURES);
    assert_fault!(
        "<features>",
        &format!("<features>{features}"),
        Unsound(C::Count {
            what: "features",
            ..
        })
    );
    let tree = "<_><internalNodes>0 -1 1 0.5</internalNodes><leafValues>1 2</leafValues></_>";
    let trees = tree.repeat(mien_models::cascade::MAX_TREES_PER_STAGE);
    assert_fault!(
        "<weakClassifiers>",
        &format!("<weakClassifiers>{trees}"),
        Unsound(C::Count { .. })
    );
}

#[test]
fn files_are_read_within_limits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.xml");
    assert!(matches!(read(&path), Err(CascadeImportError::Read(_))));
    std::fs::write(&path, b"\xFF\xD8\xFF\xE0").unwrap();
    assert!(matches!(read(&path), Err(CascadeImportError::NotText)));
    std::fs::write(&path, HAAR.replace('\n', "\r\n")).unwrap();
    assert_eq!(read(&path).unwrap(), HAAR);
    // A sparse file: it takes no room.
    let file = std::fs::File::create(&path).unwrap();
    file.set_len(MAX_FILE_BYTES + 1).unwrap();
    assert!(matches!(
        read(&path),
        Err(CascadeImportError::FileTooLarge { .. })
    ));
    #[cfg(unix)]
    assert!(matches!(
        read(Path::new("/dev/zero")),
        Err(CascadeImportError::FileTooLarge { .. })
    ));
}

proptest! {
    #[test]
    fn damage_never_panics(
        lbp: bool,
        place in 0.0_f64..1.0,
        length in 0_usize..12,
        text in "[-0-9a-z<>/_ .!]{0,12}",
    ) {
        let xml = if lbp { LBP } else { HAAR };
        let start = (place * xml.len() as f64) as usize;
        let end = (start + length).min(xml.len());
        let damaged = format!("{}{text}{}", &xml[..start], &xml[end..]);
        if let Ok(model) = parse(&damaged, "a.xml") {
            prop_assert_eq!(model.validate(), Ok(()));
        }
    }
}
