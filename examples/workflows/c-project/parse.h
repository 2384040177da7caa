/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PARSE_H
#define PARSE_H

/* The value of an expression of whole numbers, + - * / and parentheses. 0, or -1 with *why. */
int parse_expression(const char *text, long *value, const char **why);

#endif
