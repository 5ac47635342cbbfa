"""What OpenCV's FaceDetectorYN finds, on one thread, in gray pictures whose gray stands for all
three channels.

Request: {"model": path of the ONNX file,
          "pictures": [{"path": ..., "width": ..., "height": ...}],   raw gray planes
          "min_score": 0.6, "max_overlap": 0.3, "repeat": 1}
Answer:  {"opencv": "4.x", "runs": [{"faces": [[x, y, width, height, ten landmark coordinates, score]],
          "milliseconds": least of the repeats}]}, a run for each picture
"""

import json
import sys
import time

import cv2
import numpy


def load(picture):
    pixels = numpy.fromfile(picture["path"], dtype=numpy.uint8)
    gray = pixels.reshape(picture["height"], picture["width"])
    return cv2.merge([gray, gray, gray])


def timed(detector, picture, repeat):
    height, width = picture.shape[:2]
    detector.setInputSize((width, height))
    least = float("inf")
    for _ in range(repeat):
        start = time.perf_counter()
        faces = detector.detect(picture)[1]
        least = min(least, time.perf_counter() - start)
    rows = [] if faces is None else [[float(v) for v in face] for face in faces]
    return {"faces": rows, "milliseconds": least * 1000}


def main():
    cv2.setNumThreads(1)
    request = json.load(sys.stdin)
    detector = cv2.FaceDetectorYN.create(
        request["model"], "", (320, 320), request["min_score"], request["max_overlap"], 5000
    )
    repeat = request.get("repeat", 1)
    runs = [timed(detector, load(picture), repeat) for picture in request["pictures"]]
    json.dump({"opencv": cv2.__version__, "runs": runs}, sys.stdout)


main()
