/* SPDX-License-Identifier: Apache-2.0
 *
 * Everything libwfe offers. Link with what `pkg-config --cflags --libs wfe` prints.
 */
#ifndef WFE_WFE_H
#define WFE_WFE_H

#include <wfe/client.h>
#include <wfe/daemon.h>
#include <wfe/doctor.h>
#include <wfe/error.h>
#include <wfe/export.h>
#include <wfe/gc.h>
#include <wfe/image.h>
#include <wfe/log.h>
#include <wfe/step.h>
#include <wfe/workflow.h>

#endif
