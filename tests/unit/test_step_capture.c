/* SPDX-License-Identifier: Apache-2.0
 *
 * One stream of a step from its FIFO to everywhere it goes.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "loop/loop.h"
#include "step/capture.h"

typedef struct rig {
    char dir[32];
    char fifo[64];
    wfe_loop *loop;
    wfe_outputs outputs;
    wfe_mask *mask;
    wfe_capture *capture;
    int writer;
    bool done;
    wfe_error error;
    uint64_t heard;
    bool frees; /* as soon as it is done */
} rig;

static void on_done(wfe_capture *capture, const wfe_error *err, void *user)
{
    rig *r = user;
    assert_false(r->done); /* once */
    r->done = true;
    r->error = *err;
    if (!r->frees)
        return;
    wfe_capture_free(capture);
    r->capture = NULL;
}

static void on_output(enum wfe_stream stream, const void *bytes, size_t len, void *user)
{
    (void)bytes;
    rig *r = user;
    assert_int_equal(stream, WFE_STDOUT);
    r->heard += len;
}

/* mask: owned by the rig; NULL: none. */
static void open_masked_rig(rig *r, size_t limit, int sink_fd, wfe_mask *mask)
{
    *r = (rig){.dir = "/tmp/wfe-capture-XXXXXX", .writer = -1, .mask = mask};
    assert_non_null(mkdtemp(r->dir));
    snprintf(r->fifo, sizeof r->fifo, "%s/stdout", r->dir);
    assert_int_equal(wfe_loop_new(&r->loop, NULL), 0);
    wfe_outputs_init(&r->outputs);
    wfe_capture_options options = {
        .stream = WFE_STDOUT,
        .fifo_path = r->fifo,
        .limit_bytes = limit,
        .sink_fd = sink_fd,
        .outputs = &r->outputs,
        .mask = mask,
        .listener = on_output,
        .listener_user = r,
        .done = on_done,
        .user = r,
    };
    wfe_error error = WFE_ERROR_INIT;
    if (wfe_capture_new(r->loop, &options, &r->capture, &error))
        fail_msg("%s", error.message);
}

static void open_rig(rig *r, size_t limit, int sink_fd)
{
    open_masked_rig(r, limit, sink_fd, NULL);
}

static void close_rig(rig *r)
{
    if (r->writer >= 0)
        close(r->writer);
    wfe_capture_free(r->capture);
    wfe_outputs_done(&r->outputs);
    wfe_mask_free(r->mask);
    wfe_loop_free(r->loop);
    wfe_fd_remove_tree(r->dir, NULL);
}

static void write_text(rig *r, const char *text)
{
    if (r->writer < 0)
        r->writer = open(r->fifo, O_WRONLY | O_CLOEXEC);
    assert_int_equal(write(r->writer, text, strlen(text)), strlen(text));
}

static void close_writer(rig *r)
{
    close(r->writer);
    r->writer = -1;
}

static void run_until_done(rig *r)
{
    assert_int_equal(wfe_loop_run_until(r->loop, &r->done, NULL), 0);
}

static void test_capture__takes_no_missing_writer_for_the_end(void **state)
{
    (void)state;
    rig r;
    open_rig(&r, 100, -1);
    for (int i = 0; i < 10; i++)
        wfe_loop_run_ready(r.loop);
    assert_false(r.done);
    write_text(&r, "late");
    close_writer(&r);
    run_until_done(&r);
    assert_int_equal(r.error.kind, 0);
    assert_int_equal(wfe_capture_bytes(r.capture), 4);
    close_rig(&r);
}

static void test_capture__sends_bytes_everywhere(void **state)
{
    (void)state;
    rig r;
    int fds[2];
    char text[64] = "";
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    open_rig(&r, 8, fds[1]);
    write_text(&r, "##wfe[output a=b]\nmore");
    close_writer(&r);
    run_until_done(&r);
    assert_int_equal(r.heard, 22);
    assert_int_equal(wfe_capture_bytes(r.capture), 22);
    assert_string_equal(wfe_strmap_get(&r.outputs.map, "a"), "b");
    assert_int_equal(read(fds[0], text, sizeof text - 1), 22);
    assert_string_equal(text, "##wfe[output a=b]\nmore");
    wfe_buf kept = WFE_BUF_INIT(0);
    wfe_capture_take(r.capture, &kept);
    assert_int_equal(kept.len, 8);
    assert_string_equal(kept.data, "##wfe[ou");
    wfe_buf_done(&kept);
    close(fds[0]);
    close(fds[1]);
    close_rig(&r);
}

static void test_capture__masks_what_it_sends_everywhere(void **state)
{
    (void)state;
    static const char *const pieces[] = {"##wfe[output a=x", "hun", "ter2]\n", "and hunter2 hunt"};
    static const char expected[] = "##wfe[output a=x***]\nand *** hunt";
    rig r;
    int fds[2];
    char text[64] = "";
    wfe_mask *mask = wfe_mask_new();
    assert_int_equal(wfe_mask_add(mask, "hunter2", 7, NULL), 0);
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    open_masked_rig(&r, 100, fds[1], mask);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        write_text(&r, pieces[i]);
        wfe_loop_run_ready(r.loop);
    }
    close_writer(&r);
    run_until_done(&r);
    assert_int_equal(r.error.kind, 0);
    assert_int_equal(r.heard, strlen(expected));
    assert_int_equal(wfe_capture_bytes(r.capture), strlen(expected));
    assert_string_equal(wfe_strmap_get(&r.outputs.map, "a"), "x***");
    assert_int_equal(read(fds[0], text, sizeof text - 1), strlen(expected));
    assert_string_equal(text, expected);
    wfe_buf kept = WFE_BUF_INIT(0);
    wfe_capture_take(r.capture, &kept);
    assert_string_equal(kept.data, expected);
    wfe_buf_done(&kept);
    close(fds[0]);
    close(fds[1]);
    close_rig(&r);
}

static void test_capture__waits_for_a_slow_reader_and_loses_nothing(void **state)
{
    (void)state;
    rig r;
    int fds[2];
    const size_t total = (size_t)4 << 20;
    char *chunk = calloc(1, 65536);
    size_t written = 0, got = 0;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    open_rig(&r, 0, fds[1]);
    r.writer = open(r.fifo, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    bool was_blocked = false;
    while (!r.done) {
        if (written < total) {
            ssize_t n = write(r.writer, chunk, 65536);
            written += n > 0 ? (size_t)n : 0;
            if (written >= total)
                close_writer(&r);
        }
        wfe_loop_run_ready(r.loop);
        was_blocked |= wfe_capture_is_blocked(r.capture);
        ssize_t n = read(fds[0], chunk, 4096);
        got += n > 0 ? (size_t)n : 0;
    }
    for (ssize_t n; (n = read(fds[0], chunk, 65536)) > 0;)
        got += (size_t)n;
    assert_true(was_blocked);
    assert_int_equal(got, written);
    assert_int_equal(wfe_capture_bytes(r.capture), written);
    free(chunk);
    close(fds[0]);
    close(fds[1]);
    close_rig(&r);
}

static void test_capture__goes_on_reading_when_its_reader_is_gone(void **state)
{
    (void)state;
    rig r;
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    open_rig(&r, 100, fds[1]);
    close(fds[0]);
    write_text(&r, "one");
    run_until_done(&r);
    assert_int_equal(r.error.kind, WFE_E_UNAVAILABLE);
    write_text(&r, "two");
    for (int i = 0; i < 10 && wfe_capture_bytes(r.capture) < 6; i++)
        wfe_loop_run_ready(r.loop);
    assert_int_equal(wfe_capture_bytes(r.capture), 6);
    close(fds[1]);
    close_rig(&r);
}

static void test_capture__refuses_a_path_that_exists(void **state)
{
    (void)state;
    rig r;
    open_rig(&r, 100, -1);
    wfe_capture *second = NULL;
    wfe_error error = WFE_ERROR_INIT;
    wfe_capture_options options = {.fifo_path = r.fifo, .stream = WFE_STDOUT, .done = on_done};
    assert_int_equal(wfe_capture_new(r.loop, &options, &second, &error), WFE_E_CONFLICT);
    assert_non_null(strstr(error.message, r.fifo));
    options.fifo_path = "/no/such/folder/stdout";
    error = (wfe_error)WFE_ERROR_INIT;
    assert_int_equal(wfe_capture_new(r.loop, &options, &second, &error), WFE_E_NOT_FOUND);
    close_rig(&r);
}

/* As a step does that gives up: what is told it may be about bytes that are being passed on. */
static void test_capture__may_be_freed_when_it_is_told_done(void **state)
{
    (void)state;
    for (int with_mask = 0; with_mask < 2; with_mask++) {
        for (int at_end = 0; at_end < 2; at_end++) {
            rig r;
            wfe_mask *mask = with_mask ? wfe_mask_new() : NULL;
            int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
            if (mask)
                assert_int_equal(wfe_mask_add(mask, "hunter2", 7, NULL), 0);
            open_masked_rig(&r, 100, full, mask);
            r.frees = true;
            /* "hunter" may become a secret: the mask passes it on only at the end. */
            write_text(&r, at_end && mask ? "hunter" : "text and text");
            close_writer(&r);
            run_until_done(&r);
            assert_int_equal(r.error.sys_errno, ENOSPC);
            close_rig(&r);
            close(full);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_capture__takes_no_missing_writer_for_the_end),
        cmocka_unit_test(test_capture__sends_bytes_everywhere),
        cmocka_unit_test(test_capture__masks_what_it_sends_everywhere),
        cmocka_unit_test(test_capture__waits_for_a_slow_reader_and_loses_nothing),
        cmocka_unit_test(test_capture__goes_on_reading_when_its_reader_is_gone),
        cmocka_unit_test(test_capture__refuses_a_path_that_exists),
        cmocka_unit_test(test_capture__may_be_freed_when_it_is_told_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
