"""What OpenCV's CascadeClassifier finds, on one thread.

Request: {"cascade": "haarcascade_frontalface_default.xml",         or the path of another
          "pictures": [{"path": ..., "width": ..., "height": ...}],   raw gray planes
          "runs": [{"picture": 0, "scale_factor": 1.1, "min_neighbors": 3, "min_size_px": 60,
                    "equalize": false}],
          "repeat": 1,
          "convert_to": null}                                       where to write a cascade of OpenCV 1's
                                                                    format in the newer one
Answer:  {"opencv": "4.x", "cascade_path": ..., "runs": [{"boxes": [[x, y, width, height, neighbors]],
          "milliseconds": CPU time, least of the repeats}],
          "equalized": [SHA-256 of each picture after equalizeHist]}
"""

import hashlib
import json
import os
import sys
import time

import cv2
import numpy


def load(picture):
    pixels = numpy.fromfile(picture["path"], dtype=numpy.uint8)
    return pixels.reshape(picture["height"], picture["width"])


def detect(classifier, gray, run):
    if run["equalize"]:
        gray = cv2.equalizeHist(gray)
    side = run["min_size_px"]
    boxes, neighbors = classifier.detectMultiScale2(
        gray,
        scaleFactor=run["scale_factor"],
        minNeighbors=run["min_neighbors"],
        minSize=(side, side),
    )
    return [[int(v) for v in box] + [int(n)] for box, n in zip(boxes, neighbors)]


def timed(classifier, gray, run, repeat):
    least = float("inf")
    for _ in range(repeat):
        start = time.process_time()
        boxes = detect(classifier, gray, run)
        least = min(least, time.process_time() - start)
    return {"boxes": boxes, "milliseconds": least * 1000}


def main():
    cv2.setNumThreads(1)
    request = json.load(sys.stdin)
    path = os.path.join(cv2.data.haarcascades, request["cascade"])
    if request.get("convert_to"):
        cv2.CascadeClassifier.convert(path, request["convert_to"])
    classifier = cv2.CascadeClassifier(path)
    pictures = [load(picture) for picture in request["pictures"]]
    repeat = request.get("repeat", 1)
    runs = [timed(classifier, pictures[run["picture"]], run, repeat) for run in request["runs"]]
    answer = {
        "opencv": cv2.__version__,
        "cascade_path": path,
        "runs": runs,
        "equalized": [hashlib.sha256(cv2.equalizeHist(gray)).hexdigest() for gray in pictures],
    }
    json.dump(answer, sys.stdout)


main()
