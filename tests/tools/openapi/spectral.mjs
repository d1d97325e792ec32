// What the OpenAPI document is judged by, and why some rules do not fit it.

import { oas } from "@stoplight/spectral-rulesets";
import owasp from "@stoplight/spectral-owasp-ruleset";

// Limits protect whoever reads: they are asked of what clients send. What we send is
// as long as what is stored, and that was limited when it came in.
const sent = (type) => [
  `$.paths[*][*].parameters[*].schema..[?(@ && @.type === '${type}')]`,
  `$.paths[*][*].requestBody.content[*].schema..[?(@ && @.type === '${type}')]`,
];
const ofWhatIsSent = (rule, type) => ({ ...owasp.rules[rule], given: sent(type) });

export default {
  extends: [
    [oas, "recommended"],
    [owasp, "recommended"],
  ],
  rules: {
    "owasp:api4:2023-string-limit": ofWhatIsSent("owasp:api4:2023-string-limit", "string"),
    "owasp:api4:2023-integer-limit": ofWhatIsSent("owasp:api4:2023-integer-limit", "integer"),
    "owasp:api4:2023-array-limit": ofWhatIsSent("owasp:api4:2023-array-limit", "array"),

    // Whoever runs a coordinator is its contact; the program does not know them.
    "info-contact": "off",
    // A name for people is any text; what is not, has a pattern.
    "owasp:api4:2023-string-restricted": "off",
    // Each integer that is sent has a least and a largest value, which says more.
    "owasp:api4:2023-integer-format": "off",
    // Nothing is said to pages of other origins: no answer allows one to read it.
    "owasp:api8:2023-define-cors-origin": "off",
    // Each coordinator gives this document out itself and names no other server.
    "owasp:api9:2023-inventory-access": "off",
    "owasp:api9:2023-inventory-environment": "off",
    // Ids are UUIDs. The rule takes "text or null", as optional conditions are, for a
    // number.
    "owasp:api1:2023-no-numeric-ids": "off",
  },
  overrides: [
    {
      // Open on purpose: probes and scrapers have no token.
      files: ["*#/paths/~1health~1live", "*#/paths/~1health~1ready", "*#/paths/~1metrics"],
      rules: {
        "owasp:api2:2023-read-restricted": "off",
        "owasp:api8:2023-define-error-responses-401": "off",
      },
    },
    {
      // Any JSON, as the workload describes it; the body as a whole is bounded.
      files: ["*#/components/schemas/JobIn/properties/input"],
      rules: {
        "owasp:api4:2023-string-limit": "off",
        "owasp:api4:2023-integer-limit": "off",
        "owasp:api4:2023-array-limit": "off",
      },
    },
  ],
};
