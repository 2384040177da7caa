#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The same from Python, with nothing but ctypes: embed.py [ADDRESS [IMAGE]]."""
import ctypes
import json
import sys
from ctypes import POINTER, byref, c_bool, c_char, c_char_p, c_int, c_size_t, c_void_p


class Error(ctypes.Structure):
    _fields_ = [
        ("kind", c_int),
        ("sys_errno", c_int),
        ("grpc_status", c_int),
        ("http_status", c_int),
        ("retryable", c_bool),
        ("operation", c_char * 96),
        ("subject", c_char * 256),
        ("message", c_char * 1024),
        ("hint", c_char * 512),
    ]


# The first members are enough: size tells the library where ours end.
class ClientOptions(ctypes.Structure):
    _fields_ = [("size", c_size_t), ("address", c_char_p)]


class StepOptions(ctypes.Structure):
    _fields_ = [("size", c_size_t), ("image", c_char_p), ("run", c_char_p)]


def sized(options, **members):
    return options(size=ctypes.sizeof(options), **members)


wfe = ctypes.CDLL("libwfe.so.0")
libc = ctypes.CDLL(None)
libc.free.argtypes = [c_void_p]
wfe.wfe_client_new.argtypes = [POINTER(ClientOptions), POINTER(c_void_p), POINTER(Error)]
wfe.wfe_client_free.argtypes = [c_void_p]
wfe.wfe_step_run.argtypes = [c_void_p, POINTER(StepOptions), POINTER(c_void_p), POINTER(Error)]
wfe.wfe_step_result_data_json.argtypes = [c_void_p]
wfe.wfe_step_result_data_json.restype = c_void_p
wfe.wfe_step_result_free.argtypes = [c_void_p]


def check(rc, error):
    if rc:
        sys.exit(error.message.decode() + "\n" + error.hint.decode())


def run(client, image, script):
    """Runs a script in a container; gives its outputs and streams as a dict."""
    error, result = Error(), c_void_p()
    step = sized(StepOptions, image=image.encode(), run=script.encode())
    check(wfe.wfe_step_run(client, byref(step), byref(result), byref(error)), error)
    text = wfe.wfe_step_result_data_json(result)
    try:
        return json.loads(ctypes.string_at(text))
    finally:
        libc.free(text)
        wfe.wfe_step_result_free(result)


def main(address=None, image="busybox"):
    error, client = Error(), c_void_p()
    options = sized(ClientOptions, address=address and address.encode())
    check(wfe.wfe_client_new(byref(options), byref(client), byref(error)), error)
    data = run(client, image, 'echo working; echo "##wfe[output greeting=hello]"')
    wfe.wfe_client_free(client)
    print(f"exit code {data['unknown.exit_code']}, greeting {data['greeting']}")
    print(data["unknown.stdout"], end="")


main(*sys.argv[1:3])
