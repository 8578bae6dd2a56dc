/** Where fuzzing begins: bodies of CSV objects and documents whose bytes are awkward on purpose. */

export const csvBodies: readonly string[] = [
  'Op,id,name\nI,1,"a ""quoted"" name"\nU,2,\nD,3,NULL\n',
  "id;v\r\n1;x\r\n2;\\.\r\n",
  '1,"two\nlines","\r\n"\n2,"",\r\n3',
  "\ufeffid,text\n1,\u00e9\u4e16\ud83d\ude00\n2,\0\n",
  'a\tb\n"\t"\t""\n\n\\.\n',
  '_id,_doc\n1,"{""a"":{""$oid"":""5a94""},""b"":[1,2]}"\n',
  '"unclosed\n1,2\n',
  "1,2\r3,4\r5,6",
];

export const documents: readonly string[] = [
  '{"_id":{"$oid":"5ca4bbcea2dd94ee58162a69"},"n":{"$numberLong":"9007199254740993"},"d":{"$numberDecimal":"1E+6144"}}',
  '{ "when" : { "$date" : { "$numberLong" : "-62135596800001" } }, "then" : { "$date" : "2024-02-30T25:00:00+05:30" } }',
  '{"u":{"$binary":{"base64":"c//SZESzTGmQ6OfR38A11A==","subType":"04"}},"x":{"$uuid":"73ffd264-44b3-4c69-90e8-e7d1dfc035d4"}}',
  '{"re":{"$regularExpression":{"pattern":"a\\\\\\"b","options":"i"}},"c":{"$code":"f()","$scope":{"x":{"$numberInt":"1"}}}}',
  '{"inf":{"$numberDouble":"-Infinity"},"bare":nan,"also":-inf,"min":{"$minKey":1},"ts":{"$timestamp":{"t":1,"i":2}}}',
  '{"":1,"a.b":{"c":null},"__proto__":{"x":[[],{},[{"y":{}}]]},"$":"dollar","k":"\\ud800\\u0000\\/"}',
  '{"a":1,"a":{"b":2},"a":[3],"\\u0061":"last","big":123456789012345678901234567890.0e-7}',
  `{"deep":${'{"d":['.repeat(40)}1${"]}".repeat(40)},"long":"${"x".repeat(300)}"}`,
];
