/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows gather on the loop's side, are handed over by commit, and are stored by the thread: whatever
 * is there goes into one transaction. Logs are written on the loop's side, since that does not wait
 * for the disk, and synced by the thread, before the end of the attempt is stored.
 */
#include "engine/record_store.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "engine/record_row.h"
#include "engine/step_name.h"

/* Room for a wish; longer ones are none that a recorder knows. */
#define ASKED_SIZE 32

typedef struct row_queue {
    wfe_record_row *first;
    wfe_record_row *last;
    size_t n;
} row_queue;

typedef struct store_recorder {
    wfe_recorder fns; /* first: it is what others see */
    wfe_store *store;
    wfe_logs *logs;
    char *run_id;
    uint64_t lease;
    uint64_t seq_base;
    wfe_recorded_fn acknowledged;
    void *user;
    row_queue put;          /* not committed yet */
    uint64_t committed_seq; /* handed over so far */
    uint64_t told_seq;      /* acknowledged so far */
    bool told_error;
    wfe_recorder_asked_fn on_asked; /* NULL: nobody listens */
    void *on_asked_user;
    char told_asked[ASKED_SIZE]; /* the last wish */

    bool has_thread;
    pthread_t thread;
    /* Written to by the thread. Watched only while something waits for the disk: that, and nothing
     * else here, is a reason for the loop to go on. */
    int event_fd;
    wfe_io *io;
    /* Shared with the thread, under the lock. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    row_queue committed;
    uint64_t durable_seq;
    wfe_error error; /* the first one: nothing is stored after it */
    char asked[ASKED_SIZE];
    bool stop;

    bool is_over; /* its end is stored: it has no owner any more; the thread's */
} store_recorder;

/* ---- queues ---- */

static void append(row_queue *queue, row_queue *more)
{
    if (!more->first)
        return;
    if (queue->last)
        queue->last->next = more->first;
    else
        queue->first = more->first;
    queue->last = more->last;
    queue->n += more->n;
    *more = (row_queue){0};
}

static void drop(row_queue *queue)
{
    while (queue->first) {
        wfe_record_row *row = queue->first;
        queue->first = row->next;
        wfe_record_row_free(row);
    }
    *queue = (row_queue){0};
}

/* ---- storing: by the thread, or by commit without one ---- */

static int sync_logs(const store_recorder *recorder, wfe_record_row *row, wfe_error *err)
{
    int rc = 0;
    for (int i = 0; i < 2; i++) {
        if (!rc && row->sync_fds[i] >= 0 && fdatasync(row->sync_fds[i]))
            rc = wfe_error_set_errno(err, errno, "cannot sync the log of step '%s' of run '%s'",
                                     row->step.path, recorder->run_id);
        wfe_cleanup_close(&row->sync_fds[i]);
    }
    return rc;
}

/* Stores all rows of the queue in one transaction, and empties it. */
static int store_rows(store_recorder *recorder, row_queue *queue, uint64_t *ret_seq, wfe_error *err)
{
    int rc = 0;
    size_t n = 0;
    wfe_store_transition *transitions = calloc(queue->n, sizeof *transitions);
    if (!transitions)
        rc = wfe_error_nomem(err);
    for (wfe_record_row *row = queue->first; !rc && row; row = row->next) {
        rc = sync_logs(recorder, row, err);
        transitions[n++] = row->transition;
    }
    if (!rc)
        rc = recorder->store->record(recorder->store, recorder->run_id, recorder->lease,
                                     transitions, n, err);
    if (!rc) {
        const wfe_store_run_change *change = queue->last->transition.run;
        *ret_seq = queue->last->seq;
        recorder->is_over = change && change->is_end;
    }
    free(transitions);
    drop(queue);
    return rc;
}

static int copy_wish(const wfe_store_run *run, void *user)
{
    if (run->asked && strlen(run->asked) < ASKED_SIZE)
        strcpy(user, run->asked);
    return 0;
}

/* Without the lock. What cannot be read now is read the next time. */
static void look_for_wish(store_recorder *recorder)
{
    char asked[ASKED_SIZE] = "";
    recorder->store->find(recorder->store, recorder->run_id, copy_wish, asked, NULL);
    pthread_mutex_lock(&recorder->lock);
    if (strcmp(asked, recorder->asked) != 0) {
        strcpy(recorder->asked, asked);
        (void)!write(recorder->event_fd, &(uint64_t){1}, sizeof(uint64_t));
    }
    pthread_mutex_unlock(&recorder->lock);
}

/* With the lock, which is given back meanwhile: until there is something to store, or the end.
 * A wish is looked for from time to time. */
static void wait_for_work(store_recorder *recorder)
{
    struct timespec until;
    while (!recorder->committed.first && !recorder->stop) {
        if (!recorder->on_asked || recorder->error.kind) {
            pthread_cond_wait(&recorder->changed, &recorder->lock);
            continue;
        }
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += WFE_RECORDER_ASKED_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        if (pthread_cond_timedwait(&recorder->changed, &recorder->lock, &until) != ETIMEDOUT)
            continue;
        pthread_mutex_unlock(&recorder->lock);
        look_for_wish(recorder);
        pthread_mutex_lock(&recorder->lock);
    }
}

static void *run_thread(void *user)
{
    store_recorder *recorder = user;
    pthread_mutex_lock(&recorder->lock);
    for (;;) {
        wait_for_work(recorder);
        if (!recorder->committed.first)
            break;
        row_queue queue = {0};
        append(&queue, &recorder->committed);
        if (recorder->error.kind) {
            drop(&queue);
            continue;
        }
        pthread_mutex_unlock(&recorder->lock);
        wfe_error error = WFE_ERROR_INIT;
        uint64_t seq = 0;
        int rc = store_rows(recorder, &queue, &seq, &error);
        pthread_mutex_lock(&recorder->lock);
        if (rc)
            recorder->error = error;
        else
            recorder->durable_seq = seq;
        /* It cannot fail: the count is far from its limit. */
        (void)!write(recorder->event_fd, &(uint64_t){1}, sizeof(uint64_t));
    }
    pthread_mutex_unlock(&recorder->lock);
    return NULL;
}

/* ---- the loop's side ---- */

static void on_stored(unsigned events, void *user)
{
    (void)events;
    store_recorder *recorder = user;
    uint64_t count;
    (void)!read(recorder->event_fd, &count, sizeof count);
    pthread_mutex_lock(&recorder->lock);
    uint64_t seq = recorder->durable_seq;
    wfe_error error = recorder->error;
    char asked[ASKED_SIZE];
    strcpy(asked, recorder->asked);
    pthread_mutex_unlock(&recorder->lock);
    wfe_error none = WFE_ERROR_INIT;
    if (!recorder->on_asked && (seq == recorder->committed_seq || error.kind))
        wfe_io_watch(recorder->io, 0, NULL);
    if (strcmp(asked, recorder->told_asked) != 0) {
        strcpy(recorder->told_asked, asked);
        if (*asked)
            recorder->on_asked(asked, recorder->on_asked_user);
    }
    if (seq > recorder->told_seq) {
        recorder->told_seq = seq;
        recorder->acknowledged(seq, &none, recorder->user);
    }
    if (error.kind && !recorder->told_error) {
        recorder->told_error = true;
        recorder->acknowledged(seq, &error, recorder->user);
    }
}

static void attach(wfe_recorder *fns, wfe_recorded_fn acknowledged, void *user)
{
    store_recorder *recorder = (store_recorder *)fns;
    recorder->acknowledged = acknowledged;
    recorder->user = user;
}

/* The attempt writes no more: what it wrote must be as durable as its end. */
static bool ends_attempt(const wfe_event *event)
{
    if (!event->attempt)
        return false;
    if (event->kind == WFE_EVENT_RETRY)
        return true;
    return event->kind == WFE_EVENT_STEP &&
           (event->step_state == WFE_STEP_IS_HOOKS || wfe_step_state_is_end(event->step_state));
}

static int finish_log(const store_recorder *recorder, const wfe_event *event, wfe_record_row *row,
                      wfe_error *err)
{
    char name[WFE_ENGINE_SERVICE_NAME_SIZE];
    if (!recorder->logs)
        return 0;
    if (ends_attempt(event))
        return wfe_logs_finish(recorder->logs, event->step, event->attempt, row->sync_fds, err);
    if (event->kind != WFE_EVENT_SERVICE || !row->step.is_end)
        return 0;
    wfe_engine_service_name(event->service, name);
    return wfe_logs_finish(recorder->logs, name, 1, row->sync_fds, err);
}

static int put(wfe_recorder *fns, const wfe_record *record, wfe_error *err)
{
    store_recorder *recorder = (store_recorder *)fns;
    _cleanup_(wfe_record_row_free_p) wfe_record_row *row = NULL;
    int rc = wfe_record_row_new(record, recorder->run_id, recorder->seq_base, &row, err);
    if (!rc)
        rc = finish_log(recorder, record->event, row, err);
    if (rc)
        return rc;
    row_queue one = {.first = row, .last = row, .n = 1};
    append(&recorder->put, &one);
    (void)wfe_take(row);
    return 0;
}

static int commit_here(store_recorder *recorder, wfe_error *err)
{
    wfe_error none = WFE_ERROR_INIT;
    uint64_t seq = 0;
    if (!recorder->put.first)
        return 0;
    int rc = store_rows(recorder, &recorder->put, &seq, err);
    if (!rc)
        recorder->acknowledged(seq, &none, recorder->user);
    return rc;
}

static int commit(wfe_recorder *fns, wfe_error *err)
{
    store_recorder *recorder = (store_recorder *)fns;
    if (!recorder->has_thread)
        return commit_here(recorder, err);
    if (!recorder->put.first || recorder->told_error)
        return 0;
    int rc = wfe_io_watch(recorder->io, WFE_IO_READABLE, err);
    if (rc)
        return rc;
    recorder->committed_seq = recorder->put.last->seq;
    pthread_mutex_lock(&recorder->lock);
    append(&recorder->committed, &recorder->put);
    pthread_cond_signal(&recorder->changed);
    pthread_mutex_unlock(&recorder->lock);
    return 0;
}

static int write_log(wfe_recorder *fns, const char *step, unsigned attempt, enum wfe_stream stream,
                     const void *bytes, size_t len, wfe_error *err)
{
    return wfe_logs_write(((store_recorder *)fns)->logs, step, attempt,
                          stream == WFE_STDERR ? WFE_LOG_STDERR : WFE_LOG_STDOUT, bytes, len, err);
}

static int log_size(wfe_recorder *fns, const char *step, unsigned attempt, enum wfe_stream stream,
                    uint64_t *ret, wfe_error *err)
{
    return wfe_logs_size(((store_recorder *)fns)->logs, step, attempt,
                         stream == WFE_STDERR ? WFE_LOG_STDERR : WFE_LOG_STDOUT, ret, err);
}

/* ---- beginning and end ---- */

static void stop_thread(store_recorder *recorder)
{
    if (!recorder->has_thread)
        return;
    pthread_mutex_lock(&recorder->lock);
    recorder->stop = true;
    pthread_cond_signal(&recorder->changed);
    pthread_mutex_unlock(&recorder->lock);
    pthread_join(recorder->thread, NULL);
    recorder->has_thread = false;
}

/* What was committed is still stored; what was only put is not. */
static void free_recorder(wfe_recorder *fns)
{
    store_recorder *recorder = (store_recorder *)fns;
    stop_thread(recorder);
    /* A run that ended before its end was stored can be taken by others at once. */
    if (recorder->store && !recorder->is_over)
        recorder->store->release(recorder->store, recorder->run_id, recorder->lease, NULL);
    wfe_io_free(recorder->io);
    wfe_cleanup_close(&recorder->event_fd);
    drop(&recorder->put);
    drop(&recorder->committed);
    pthread_cond_destroy(&recorder->changed);
    pthread_mutex_destroy(&recorder->lock);
    wfe_logs_close(recorder->logs);
    wfe_store_close(recorder->store);
    free(recorder->run_id);
    free(recorder);
}

static int start_thread(store_recorder *recorder, wfe_loop *loop, wfe_error *err)
{
    recorder->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (recorder->event_fd < 0)
        return wfe_error_set_errno(err, errno, "cannot make an eventfd");
    int rc = wfe_io_new(loop, recorder->event_fd, on_stored, recorder, &recorder->io, err);
    if (!rc && recorder->on_asked)
        rc = wfe_io_watch(recorder->io, WFE_IO_READABLE, err);
    if (rc)
        return rc;
    /* Signals are the host's business, and come to its own threads. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&recorder->thread, NULL, run_thread, recorder);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed == EAGAIN)
        return wfe_error_set(err, WFE_E_LIMIT,
                             "cannot start the thread that records the run: the "
                             "limit of threads is reached");
    if (failed)
        return wfe_error_set_errno(err, failed, "cannot start the thread that records the run");
    recorder->has_thread = true;
    return 0;
}

/* One whose waits do not depend on the wall clock. */
static void make_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

int wfe_recorder_store_new(const wfe_recorder_store_options *options, wfe_recorder **ret,
                           wfe_error *err)
{
    store_recorder *recorder = calloc(1, sizeof *recorder);
    char *run_id = strdup(options->run_id);
    if (!recorder || !run_id) {
        free(recorder);
        free(run_id);
        return wfe_error_nomem(err);
    }
    pthread_mutex_init(&recorder->lock, NULL);
    make_condition(&recorder->changed);
    recorder->event_fd = -1;
    recorder->run_id = run_id;
    recorder->store = options->store;
    recorder->logs = options->logs;
    recorder->lease = options->lease;
    recorder->seq_base = options->last_seq;
    recorder->on_asked = options->loop ? options->on_asked : NULL;
    recorder->on_asked_user = options->on_asked_user;
    recorder->fns = (wfe_recorder){.attach = attach,
                                   .put = put,
                                   .commit = commit,
                                   .log = options->logs ? write_log : NULL,
                                   .log_size = options->logs ? log_size : NULL,
                                   .free = free_recorder};
    int rc = options->loop ? start_thread(recorder, options->loop, err) : 0;
    if (rc) {
        recorder->store = NULL; /* not taken */
        recorder->logs = NULL;
        free_recorder(&recorder->fns);
        return rc;
    }
    *ret = &recorder->fns;
    return 0;
}
