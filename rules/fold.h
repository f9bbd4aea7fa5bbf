/* SPDX-License-Identifier: Apache-2.0
 *
 * Forms of texts in which they are compared. Each maps characters one by one, so what holds of a part of a text holds of the part of
 * its form: a text that contains another contains it when both are folded.
 *
 *   fold_text     without case; other shapes of ASCII characters (full width, mathematical, circled) become those; blanks of any
 *                 width become a space, characters that cannot be seen vanish; ligatures of Latin letters and ß are taken apart
 *   fold_name     for names of people: fold_text, then what looks like Latin letters becomes those, accents vanish, 0 and o, 1, i and l
 *                 are the same; blanks are one space, none at the ends, and quotation marks vanish
 *   fold_domain   small letters, no dot at the end, A-labels (libidn2); what has no A-label only gets small ASCII letters
 *   fold_address  the domain as above, the local part in small letters of ASCII
 *
 * Bytes that are no UTF-8 stay as they are. The result is NUL-ended and under the parent.
 */
#pragma once

#include "base/slice.h"

struct slice fold_text(const void *parent, struct slice text);
struct slice fold_name(const void *parent, struct slice text);
struct slice fold_domain(const void *parent, struct slice text);
struct slice fold_address(const void *parent, struct slice text);
