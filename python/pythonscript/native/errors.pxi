# The one way of a Python exception into the engine's output: a script error with Python's file, line and traceback.

import traceback as _traceback
import sys as _sys


cdef void report_exception(str where) noexcept:
    """Prints the current exception as a script error. It never raises: the engine is on the other side."""
    try:
        _, value, trace = _sys.exc_info()
        _report(value, trace, where)
    except BaseException:
        gd.print_error_with_message(b"A Python exception could not be reported", b"", b"", b"", 0, 1)


def _report(value, trace, str where):
    while trace is not None and trace.tb_next is not None and trace.tb_frame.f_code.co_filename.endswith(".pxi"):
        trace = trace.tb_next  # How the bridge came there tells nobody anything.
    frames = _traceback.extract_tb(trace)
    frames = [frame for frame in frames if not frame.filename.endswith(".pxi")] or frames
    file, line, function = (frames[-1].filename, frames[-1].lineno, frames[-1].name) if frames else ("", 0, where)
    title = "".join(_traceback.format_exception_only(type(value), value)).strip()
    text = "".join(_traceback.format_exception(type(value), value, trace)).strip()
    print_message("script", title, f"{title} (in {where})\n{text}", function, file, line)


def print_message(str kind, str title, str message, str function="", str file="", int line=0):
    """Prints through the engine, so that it shows in the editor's Output and Debugger: kind is "error", "warning" or "script"."""
    need_engine()
    parts = [part.encode("utf-8", "replace").replace(b"\0", b"\\0") for part in (title, message, function, file)]
    if kind == "script":
        gd.print_script_error_with_message(parts[0], parts[1], parts[2], parts[3], line, 1)
    elif kind == "warning":
        gd.print_warning_with_message(parts[0], parts[1], parts[2], parts[3], line, 1)
    else:
        gd.print_error_with_message(parts[0], parts[1], parts[2], parts[3], line, 1)


def print_text(str text not None, bint error=False):
    """Prints one line to the engine's output, or to its error output."""
    cdef void* name = string_name("printerr" if error else "print")
    cdef utility_t function = gd.variant_get_ptr_utility_function(name, _api.UTILITY_HASHES["print"])
    cdef Variant line
    cdef const void* arguments[1]
    py_to_variant(text, &line)
    arguments[0] = &line
    function(NULL, arguments, 1)
    gd.variant_destroy(&line)
