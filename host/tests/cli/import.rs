//! `mien import cascade`.

use std::fs;

use mien_models::cascade::CascadeModel;
use mien_models::container;

use crate::made::write;
use crate::{failure, mien, stderr, stdout};

/// The smallest cascade there is.
const XML: &str = "<opencv_storage><cascade><stageType>BOOST</stageType>\
    <featureType>HAAR</featureType><height>20</height><width>24</width><stages><_>\
    <stageThreshold>0.5</stageThreshold><weakClassifiers><_>\
    <internalNodes>0 -1 0 0.25</internalNodes><leafValues>1 -1</leafValues>\
    </_></weakClassifiers></_></stages>\
    <features><_><rects><_>1 2 3 4 -1.</_></rects></_></features></cascade></opencv_storage>";

#[test]
fn a_cascade_becomes_a_model_file() {
    let folder = tempfile::tempdir().unwrap();
    let xml = format!("<!-- License: free -->{XML}");
    let xml = write(folder.path(), "small.xml", xml);
    let out = folder.path().join("small.postcard");
    let output = mien([
        "import".as_ref(),
        "cascade".as_ref(),
        xml.as_os_str(),
        "--out".as_ref(),
        out.as_os_str(),
        "--model-version".as_ref(),
        "7".as_ref(),
    ]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(stderr(&output), "");
    let text = String::from_utf8_lossy(&output.stdout);
    let figures = "Haar cascade, 24x20 window, 1 stages, 1 trees, 1 features";
    assert!(text.contains(figures), "{text}");
    let file = fs::read(&out).unwrap();
    let (header, model) = container::decode::<CascadeModel>(&file).unwrap();
    assert_eq!(header.model_version, 7);
    assert_eq!(model.source, "small.xml");
    assert_eq!(model.licence.trim(), "License: free");
    let inspected = stdout(["inspect".as_ref(), out.as_os_str()]);
    assert!(inspected.contains("small.xml"), "{inspected}");
}

#[test]
fn a_file_without_notice_is_imported_with_a_note() {
    let folder = tempfile::tempdir().unwrap();
    let xml = write(folder.path(), "small.xml", XML);
    let out = folder.path().join("small.postcard");
    let output = mien([
        "import".as_ref(),
        "cascade".as_ref(),
        xml.as_os_str(),
        "--out".as_ref(),
        out.as_os_str(),
    ]);
    assert!(output.status.success());
    assert!(stderr(&output).contains("no licence notice"));
}

#[test]
fn a_bad_file_leaves_the_old_model_alone() {
    let folder = tempfile::tempdir().unwrap();
    let out = write(folder.path(), "kept.postcard", "old");
    let fail = |content: &str| {
        let xml = write(folder.path(), "bad.xml", content);
        failure([
            "import".as_ref(),
            "cascade".as_ref(),
            xml.as_os_str(),
            "--out".as_ref(),
            out.as_os_str(),
        ])
    };
    let message = fail(&XML[..XML.len() - 10]);
    assert!(
        message.contains("bad.xml: the file ends early"),
        "{message}"
    );
    let message = fail("no XML");
    assert!(message.contains("not well-formed XML"), "{message}");
    let message = fail(&XML.replace("1 2 3 4", "1 2 30 4"));
    assert!(message.contains("feature 0"), "{message}");
    let message = fail("<html><body/></html>");
    assert!(
        message.contains("no OpenCV cascade, which is an"),
        "{message}"
    );
    let old = "<opencv_storage><a type_id=\"opencv-haar-classifier\"/></opencv_storage>";
    let message = fail(old);
    assert!(message.contains("CascadeClassifier.convert"), "{message}");
    let bomb = format!("<!DOCTYPE a [<!ENTITY b \"{}\">]>{XML}", "&c;".repeat(9));
    let message = fail(&bomb);
    assert!(message.contains("not well-formed XML"), "{message}");
    assert_eq!(fs::read(&out).unwrap(), b"old");
}
