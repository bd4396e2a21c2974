"""The two OCR nets, as they were measured: where text stands in a picture, and what one line of it says."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime
import rapidocr

from foureyes.engine.line import Text
from foureyes.picture import Box, Pixels

LONG_SIDE_PX = 1280
"""Of the picture that the detector sees; 960 misses small text, more only costs."""
GRID_PX = 32
"""The detector works on multiples of this."""
_LONGEST_STRIP = 8
"""A longer strip is padded: the nets take minutes and gigabytes for a picture of 3x2000."""
_RECOGNISER_HEIGHT_PX = 48
_RECOGNISER_WIDTH_PX = 160
_WIDEST_LINE = 60
"""Width over height of the widest crop that is handed to the recogniser; further right is cut off."""
_CONTRAST_FLOOR = 6
"""A crop whose brightest and darkest pixels are closer than this has nothing written in it."""
_LEVELS = np.arange(256, dtype=np.float32) * (1 / 255) * 2 - 1
"""What a net takes for each level of a colour."""
_MODELS = Path(rapidocr.__file__).parent / "models"
DETECTOR_FILE = _MODELS / "PP-OCRv6_det_small.onnx"
RECOGNISER_FILE = _MODELS / "PP-OCRv6_rec_small.onnx"


class _Settings(dict[str, Any]):
    """RapidOCR reads its settings as attributes and as items."""

    def __getattr__(self, name: str) -> Any:
        return self.get(name)


class Ocr:
    """Detector and recogniser on sessions of our own: not spinning, no arena. Not safe for two threads at once."""

    def __init__(self, threads: int) -> None:
        # RapidOCR's own modules take most of a second to import, so only an engine that reads text pays for them.
        from rapidocr.ch_ppocr_det.utils import DBPostProcess  # noqa: PLC0415
        from rapidocr.ch_ppocr_rec import TextRecInput, TextRecognizer  # noqa: PLC0415
        from rapidocr.utils.typings import EngineType  # noqa: PLC0415

        logging.getLogger("RapidOCR").setLevel(logging.WARNING)
        self._input = TextRecInput
        self._detector = _session(DETECTOR_FILE, threads)
        self._outlined = DBPostProcess(
            thresh=0.3,
            box_thresh=0.5,
            max_candidates=1000,
            unclip_ratio=1.6,
            use_dilation=False,
            score_mode="fast",
        )
        self._recogniser = TextRecognizer(
            _Settings(
                session=_session(RECOGNISER_FILE, 1),  # a line is so little that sharing it costs a sixth more
                engine_type=EngineType.ONNXRUNTIME,
                lang_type="ch",
                rec_batch_num=1,
                rec_img_shape=[3, _RECOGNISER_HEIGHT_PX, _RECOGNISER_WIDTH_PX],
            )
        )

    def detect(self, pixels: Pixels) -> list[Box]:
        """Return the boxes of the text lines in a picture that `scaled` made, or in a window of one."""
        likely = self._detector.run(None, {self._detector.get_inputs()[0].name: _prepared(pixels)})[0]
        quads, _ = self._outlined(likely, pixels.shape[:2])
        return [_upright(quad) for quad in quads]

    def recognise(self, crop: Pixels) -> Text:
        """Return what one line's crop says: a pure function of its pixels, whatever is read with it."""
        if _is_blank(crop):
            return Text("", (), 0.0)
        crop = crop[:, : crop.shape[0] * _WIDEST_LINE]
        result = self._recogniser(self._input(img=[crop], return_word_box=True))
        assert result.txts  # one crop in, one text out
        assert result.word_results
        text, score = str(result.txts[0]), float(result.scores[0])
        return _placed(text, score, result.word_results[0])


def _session(model: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def _prepared(pixels: Pixels) -> npt.NDArray[np.float32]:
    """A picture as the detector's net takes it: -1 to 1, shape (1, 3, height, width)."""
    return np.asarray([[cv2.LUT(channel, _LEVELS) for channel in cv2.split(pixels)]], np.float32)


def _upright(quad: Any) -> Box:
    left, top = (max(0, int(edge)) for edge in quad.min(axis=0))
    right, bottom = (int(edge) + 1 for edge in quad.max(axis=0))
    return Box(left, top, right - left, bottom - top)


def _is_blank(crop: Pixels) -> bool:
    return crop.size == 0 or int(crop.max()) - int(crop.min()) < _CONTRAST_FLOOR


def _placed(text: str, score: float, words: Any) -> Text:
    """Give each character its place; the net tells columns of all but the spaces, which go between."""
    columns = iter([column for word in words.word_cols for column in word])
    total = max(1.0, float(words.line_txt_len))
    centres: list[float] = []
    for char in text:
        column = None if char.isspace() else next(columns, None)
        last = centres[-1] if centres else 0.0
        centres.append(max(last, min(1.0, (column + 0.5) / total)) if column is not None else last)
    return Text(text, tuple(centres), score)


def scaled(pixels: Pixels) -> tuple[Pixels, float, float]:
    """Return a picture as the detector wants it, and how many pixels of the original one of its pixels is.

    A strip is padded to 1:8 at its right or bottom, so that boxes keep their place.
    """
    padded = _padded(pixels)
    height, width = padded.shape[:2]
    shrink = min(1.0, LONG_SIDE_PX / max(height, width))
    to_width, to_height = _on_grid(width * shrink), _on_grid(height * shrink)
    if (to_width, to_height) == (width, height):
        return padded, 1.0, 1.0
    small = cv2.resize(padded, (to_width, to_height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(small, np.uint8), width / to_width, height / to_height


def _on_grid(length: float) -> int:
    return max(GRID_PX, round(length / GRID_PX) * GRID_PX)


def _padded(pixels: Pixels) -> Pixels:
    height, width = pixels.shape[:2]
    want_width, want_height = -(-height // _LONGEST_STRIP), -(-width // _LONGEST_STRIP)
    if width >= want_width and height >= want_height:
        return pixels
    below, right = max(0, want_height - height), max(0, want_width - width)
    return np.asarray(cv2.copyMakeBorder(pixels, 0, below, 0, right, cv2.BORDER_REPLICATE), np.uint8)
