"""What it costs YuNet to see gray: the recall of OpenCV's FaceDetectorYN on colour frames and on the
same frames in gray, reduced to fit into 320x240.

    python tests/peers/yunet_gray_recall.py yunet_n.onnx CLIP_OR_PICTURE...

Nobody marked the faces of the frames. What counts as one is found with a score of 0.7 or more, in
colour or in gray, in the frame made to fit into 640x480; found again means an IoU of 0.5 or more,
with the same least score. Every third frame of a clip is looked at.
"""

import sys

import cv2

SMALL, LARGE = (320, 240), (640, 480)
EVERY = 3


def frames(path):
    if path.endswith((".jpg", ".png")):
        yield cv2.imread(path)
        return
    clip = cv2.VideoCapture(path)
    index = 0
    while True:
        there, frame = clip.read()
        if not there:
            return
        if index % EVERY == 0:
            yield frame
        index += 1


def gray(frame):
    return cv2.cvtColor(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)


def detect(detector, frame, fit):
    height, width = frame.shape[:2]
    scale = min(fit[0] / width, fit[1] / height)
    size = (round(width * scale), round(height * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    detector.setInputSize(size)
    faces = detector.detect(cv2.resize(frame, size, interpolation=how))[1]
    return [] if faces is None else [face[:4] / scale for face in faces]


def iou(a, b):
    sides = [max(0.0, min(a[i] + a[i + 2], b[i] + b[i + 2]) - max(a[i], b[i])) for i in (0, 1)]
    both = sides[0] * sides[1]
    return both / (a[2] * a[3] + b[2] * b[3] - both)


def matched(faces, others):
    return sum(any(iou(face, other) >= 0.5 for other in others) for face in faces)


def search(detector, path):
    """Frames, faces, and for colour and gray: faces found, findings without a face."""
    counts = [0] * 6
    for frame in frames(path):
        truth = detect(detector, frame, LARGE)
        more = detect(detector, gray(frame), LARGE)
        truth += [face for face in more if matched([face], truth) == 0]
        counts[0] += 1
        counts[1] += len(truth)
        for place, seen in ((2, frame), (4, gray(frame))):
            found = detect(detector, seen, SMALL)
            counts[place] += matched(truth, found)
            counts[place + 1] += len(found) - matched(found, truth)
    return counts


def row(name, counts):
    number, faces, colour, colour_more, gray_found, gray_more = counts
    share = [100 * found / max(1, faces) for found in (colour, gray_found)]
    print(
        f"{name}: {number} frames, {faces} faces; "
        f"colour finds {share[0]:.1f}% (and {colour_more} more), "
        f"gray {share[1]:.1f}% (and {gray_more} more)",
        flush=True,
    )


def main():
    model, paths = sys.argv[1], sys.argv[2:]
    detector = cv2.FaceDetectorYN.create(model, "", SMALL, 0.7, 0.3, 5000)
    print(f"OpenCV {cv2.__version__}")
    total = [0] * 6
    for path in paths:
        counts = search(detector, path)
        row(path.rsplit("/", 1)[-1], counts)
        total = [a + b for a, b in zip(total, counts)]
    row("all", total)


main()
