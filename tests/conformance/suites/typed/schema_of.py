"""Takes the XML Schema out of a WSDL document, with the namespaces in scope."""

import sys

from lxml import etree

wsdl = etree.parse(sys.argv[1])
[schema] = wsdl.iter("{http://www.w3.org/2001/XMLSchema}schema")
open(sys.argv[2], "wb").write(etree.tostring(schema))
