; residual: delta**2*(sqrt(1 + (r/delta)**2) - 1)
; inputs y, z; parameters delta; outputs value, gradient, hessian, majorant
; 4 rows at a time, double in memory

%reals = type <4 x double>
%bits = type <4 x i64>
%truths = type <4 x i1>
%stored = type <4 x double>
%results = type { %reals, %reals, %reals, %reals, %truths }

@hard = global i64 0

define private %results @formula(%reals %y, %reals %z, %reals %delta, %reals %v2, %reals %v2_rest) alwaysinline {
  ; r = sub(y, z)
  %r = fsub %reals %y, %z
  ; v1 = div(r, delta)
  %v1 = fdiv %reals %r, %delta
  ; v2 = mul(delta, delta)
  ; v3_raw = hypot1(v1)
  %one_plus_square.1 = call %reals @llvm.fabs.v4f64(%reals %v1)
  %one_plus_square.2 = fcmp ogt %reals %one_plus_square.1, splat (double 1.152921504606847e+18)
  %one_plus_square.3 = call %reals @llvm.fma.v4f64(%reals %v1, %reals %v1, %reals splat (double 1.0))
  %hypot1.1 = call %reals @llvm.sqrt.v4f64(%reals %one_plus_square.3)
  %v3_raw = select %truths %one_plus_square.2, %reals %one_plus_square.1, %reals %hypot1.1
  ; v1_rest = left_div(r, delta, v1)
  %v1_rest.1 = fneg %reals %v1
  %v1_rest = call %reals @llvm.fma.v4f64(%reals %v1_rest.1, %reals %delta, %reals %r)
  ; v1_rest2 = div(v1_rest, delta)
  %v1_rest2 = fdiv %reals %v1_rest, %delta
  ; slope = div(v1, v3_raw)
  %slope = fdiv %reals %v1, %v3_raw
  ; change = mul(slope, v1_rest2)
  %change = fmul %reals %slope, %v1_rest2
  ; v3 = mend(v3_raw, change)
  %v3.1 = call %reals @llvm.fabs.v4f64(%reals %change)
  %v3.2 = fcmp olt %reals %v3.1, splat (double 0x7FF0000000000000)
  %v3.3 = select %truths %v3.2, %reals %change, %reals splat (double 0.0)
  %v3 = fadd %reals %v3_raw, %v3.3
  ; v4_raw = add(1.0, v3)
  %v4_raw = fadd %reals splat (double 1.0), %v3
  ; v3_rest = hypot1_rest(v1, v3_raw)
  %hypot1_rest.1 = fmul %reals %v1, %v1
  %hypot1_rest.2 = fcmp ogt %reals %hypot1_rest.1, splat (double 1.0)
  %hypot1_rest.3 = select %truths %hypot1_rest.2, %reals %hypot1_rest.1, %reals splat (double 1.0)
  %hypot1_rest.4 = fsub %reals %hypot1_rest.3, %one_plus_square.3
  %hypot1_rest.5 = select %truths %hypot1_rest.2, %reals splat (double 1.0), %reals %hypot1_rest.1
  %hypot1_rest.6 = fadd %reals %hypot1_rest.4, %hypot1_rest.5
  %hypot1_rest.7 = fneg %reals %hypot1_rest.1
  %hypot1_rest.8 = call %reals @llvm.fma.v4f64(%reals %v1, %reals %v1, %reals %hypot1_rest.7)
  %hypot1_rest.9 = fadd %reals %hypot1_rest.6, %hypot1_rest.8
  %hypot1_rest.10 = fneg %reals %v3_raw
  %hypot1_rest.11 = call %reals @llvm.fma.v4f64(%reals %hypot1_rest.10, %reals %v3_raw, %reals %one_plus_square.3)
  %hypot1_rest.12 = fadd %reals %hypot1_rest.11, %hypot1_rest.9
  %hypot1_rest.13 = fmul %reals %v3_raw, splat (double 2.0)
  %v3_rest = fdiv %reals %hypot1_rest.12, %hypot1_rest.13
  ; v3_rest2 = sub(v3_raw, v3)
  %v3_rest2 = fsub %reals %v3_raw, %v3
  ; v3_rest3 = add(v3_rest2, change)
  %v3_rest3 = fadd %reals %v3_rest2, %change
  ; v3_rest4 = add(v3_rest3, v3_rest)
  %v3_rest4 = fadd %reals %v3_rest3, %v3_rest
  ; v4 = mend(v4_raw, v3_rest4)
  %v4.1 = call %reals @llvm.fabs.v4f64(%reals %v3_rest4)
  %v4.2 = fcmp olt %reals %v4.1, splat (double 0x7FF0000000000000)
  %v4.3 = select %truths %v4.2, %reals %v3_rest4, %reals splat (double 0.0)
  %v4 = fadd %reals %v4_raw, %v4.3
  ; v5 = div(v1, v4)
  %v5 = fdiv %reals %v1, %v4
  ; v6 = mul(v1, v5)
  %v6 = fmul %reals %v1, %v5
  ; v7 = mul(v2, v6)
  %v7 = fmul %reals %v2, %v6
  ; v8 = div(v1, v3)
  %v8 = fdiv %reals %v1, %v3
  ; v9 = mul(v8, delta)
  %v9 = fmul %reals %v8, %delta
  ; v10 = neg(v9)
  %v10 = fneg %reals %v9
  ; v11_raw = witch(v1)
  %witch.1 = select %truths %one_plus_square.2, %reals %v1, %reals %one_plus_square.3
  %witch.2 = fdiv %reals splat (double 1.0), %witch.1
  %witch.3 = fmul %reals %witch.2, %witch.2
  %v11_raw = select %truths %one_plus_square.2, %reals %witch.3, %reals %witch.2
  ; slope2 = mul(-2.0, v1)
  %slope2 = fmul %reals splat (double -2.0), %v1
  ; slope3 = mul(slope2, v11_raw)
  %slope3 = fmul %reals %slope2, %v11_raw
  ; slope4 = mul(slope3, v11_raw)
  %slope4 = fmul %reals %slope3, %v11_raw
  ; change2 = mul(slope4, v1_rest2)
  %change2 = fmul %reals %slope4, %v1_rest2
  ; v11 = mend(v11_raw, change2)
  %v11.1 = call %reals @llvm.fabs.v4f64(%reals %change2)
  %v11.2 = fcmp olt %reals %v11.1, splat (double 0x7FF0000000000000)
  %v11.3 = select %truths %v11.2, %reals %change2, %reals splat (double 0.0)
  %v11 = fadd %reals %v11_raw, %v11.3
  ; v12_raw = sqrt(v11)
  %v12_raw = call %reals @llvm.sqrt.v4f64(%reals %v11)
  ; v11_rest = mul(v1, v1)
  ; v11_rest2 = add(1.0, v11_rest)
  %v11_rest2 = fadd %reals splat (double 1.0), %hypot1_rest.1
  ; v11_rest3 = sub(v11_rest2, 1.0)
  %v11_rest3 = fsub %reals %v11_rest2, splat (double 1.0)
  ; v11_rest4 = sub(v11_rest2, v11_rest3)
  %v11_rest4 = fsub %reals %v11_rest2, %v11_rest3
  ; v11_rest5 = sub(1.0, v11_rest4)
  %v11_rest5 = fsub %reals splat (double 1.0), %v11_rest4
  ; v11_rest6 = sub(v11_rest, v11_rest3)
  %v11_rest6 = fsub %reals %hypot1_rest.1, %v11_rest3
  ; v11_rest7 = add(v11_rest5, v11_rest6)
  %v11_rest7 = fadd %reals %v11_rest5, %v11_rest6
  ; v11_rest8 = left_mul(v1, v1, v11_rest)
  ; v11_rest9 = add(v11_rest7, v11_rest8)
  %v11_rest9 = fadd %reals %v11_rest7, %hypot1_rest.8
  ; v11_rest10 = left_div(1.0, v11_rest2, v11_raw)
  %v11_rest10.1 = fneg %reals %v11_raw
  %v11_rest10 = call %reals @llvm.fma.v4f64(%reals %v11_rest10.1, %reals %v11_rest2, %reals splat (double 1.0))
  ; v11_rest11 = mul(v11_raw, v11_rest9)
  %v11_rest11 = fmul %reals %v11_raw, %v11_rest9
  ; v11_rest12 = sub(v11_rest10, v11_rest11)
  %v11_rest12 = fsub %reals %v11_rest10, %v11_rest11
  ; v11_rest13 = div(v11_rest12, v11_rest2)
  %v11_rest13 = fdiv %reals %v11_rest12, %v11_rest2
  ; v11_rest14 = sub(v11_raw, v11)
  %v11_rest14 = fsub %reals %v11_raw, %v11
  ; v11_rest15 = add(v11_rest14, change2)
  %v11_rest15 = fadd %reals %v11_rest14, %change2
  ; v11_rest16 = add(v11_rest15, v11_rest13)
  %v11_rest16 = fadd %reals %v11_rest15, %v11_rest13
  ; change3 = mul(0.5, v11_rest16)
  %change3 = fmul %reals splat (double 0.5), %v11_rest16
  ; change4 = div(change3, v12_raw)
  %change4 = fdiv %reals %change3, %v12_raw
  ; v12 = mend(v12_raw, change4)
  %v12.1 = call %reals @llvm.fabs.v4f64(%reals %change4)
  %v12.2 = fcmp olt %reals %v12.1, splat (double 0x7FF0000000000000)
  %v12.3 = select %truths %v12.2, %reals %change4, %reals splat (double 0.0)
  %v12 = fadd %reals %v12_raw, %v12.3
  ; v13 = mul(v11, v12)
  %v13 = fmul %reals %v11, %v12
  ; v14 = div(1.0, v3)
  %v14 = fdiv %reals splat (double 1.0), %v3
  ; v2_rest = left_mul(delta, delta, v2)
  ; v7_rest = mul(v2_rest, v6)
  %v7_rest = fmul %reals %v2_rest, %v6
  ; v6_rest = mul(v1_rest2, v5)
  %v6_rest = fmul %reals %v1_rest2, %v5
  ; v5_rest = left_div(v1, v4, v5)
  %v5_rest.1 = fneg %reals %v5
  %v5_rest = call %reals @llvm.fma.v4f64(%reals %v5_rest.1, %reals %v4, %reals %v1)
  ; v5_rest2 = add(v5_rest, v1_rest2)
  %v5_rest2 = fadd %reals %v5_rest, %v1_rest2
  ; v4_rest = sub(v4_raw, 1.0)
  %v4_rest = fsub %reals %v4_raw, splat (double 1.0)
  ; v4_rest2 = sub(v4_raw, v4_rest)
  %v4_rest2 = fsub %reals %v4_raw, %v4_rest
  ; v4_rest3 = sub(1.0, v4_rest2)
  %v4_rest3 = fsub %reals splat (double 1.0), %v4_rest2
  ; v4_rest4 = sub(v3, v4_rest)
  %v4_rest4 = fsub %reals %v3, %v4_rest
  ; v4_rest5 = add(v4_rest3, v4_rest4)
  %v4_rest5 = fadd %reals %v4_rest3, %v4_rest4
  ; v4_rest6 = sub(v4_raw, v4)
  %v4_rest6 = fsub %reals %v4_raw, %v4
  ; v4_rest7 = add(v4_rest6, v3_rest4)
  %v4_rest7 = fadd %reals %v4_rest6, %v3_rest4
  ; v4_rest8 = add(v4_rest7, v4_rest5)
  %v4_rest8 = fadd %reals %v4_rest7, %v4_rest5
  ; v5_rest3 = mul(v4_rest8, v5)
  %v5_rest3 = fmul %reals %v4_rest8, %v5
  ; v5_rest4 = sub(v5_rest2, v5_rest3)
  %v5_rest4 = fsub %reals %v5_rest2, %v5_rest3
  ; v5_rest5 = div(v5_rest4, v4)
  %v5_rest5 = fdiv %reals %v5_rest4, %v4
  ; v6_rest2 = mul(v5_rest5, v1)
  %v6_rest2 = fmul %reals %v5_rest5, %v1
  ; v6_rest3 = add(v6_rest, v6_rest2)
  %v6_rest3 = fadd %reals %v6_rest, %v6_rest2
  ; v6_rest4 = left_mul(v1, v5, v6)
  %v6_rest4.1 = fneg %reals %v6
  %v6_rest4 = call %reals @llvm.fma.v4f64(%reals %v1, %reals %v5, %reals %v6_rest4.1)
  ; v6_rest5 = add(v6_rest4, v6_rest3)
  %v6_rest5 = fadd %reals %v6_rest4, %v6_rest3
  ; v7_rest2 = mul(v6_rest5, v2)
  %v7_rest2 = fmul %reals %v6_rest5, %v2
  ; v7_rest3 = add(v7_rest, v7_rest2)
  %v7_rest3 = fadd %reals %v7_rest, %v7_rest2
  ; v7_rest4 = left_mul(v2, v6, v7)
  %v7_rest4.1 = fneg %reals %v7
  %v7_rest4 = call %reals @llvm.fma.v4f64(%reals %v2, %reals %v6, %reals %v7_rest4.1)
  ; v7_rest5 = add(v7_rest4, v7_rest3)
  %v7_rest5 = fadd %reals %v7_rest4, %v7_rest3
  ; v7_whole = mend(v7, v7_rest5)
  %v7_whole.1 = call %reals @llvm.fabs.v4f64(%reals %v7_rest5)
  %v7_whole.2 = fcmp olt %reals %v7_whole.1, splat (double 0x7FF0000000000000)
  %v7_whole.3 = select %truths %v7_whole.2, %reals %v7_rest5, %reals splat (double 0.0)
  %v7_whole = fadd %reals %v7, %v7_whole.3
  ; v8_rest = left_div(v1, v3, v8)
  %v8_rest.1 = fneg %reals %v8
  %v8_rest = call %reals @llvm.fma.v4f64(%reals %v8_rest.1, %reals %v3, %reals %v1)
  ; v8_rest2 = add(v8_rest, v1_rest2)
  %v8_rest2 = fadd %reals %v8_rest, %v1_rest2
  ; v8_rest3 = mul(v3_rest4, v8)
  %v8_rest3 = fmul %reals %v3_rest4, %v8
  ; v8_rest4 = sub(v8_rest2, v8_rest3)
  %v8_rest4 = fsub %reals %v8_rest2, %v8_rest3
  ; v8_rest5 = div(v8_rest4, v3)
  %v8_rest5 = fdiv %reals %v8_rest4, %v3
  ; v9_rest = mul(v8_rest5, delta)
  %v9_rest = fmul %reals %v8_rest5, %delta
  ; v9_rest2 = left_mul(v8, delta, v9)
  %v9_rest2 = call %reals @llvm.fma.v4f64(%reals %v8, %reals %delta, %reals %v10)
  ; v9_rest3 = add(v9_rest2, v9_rest)
  %v9_rest3 = fadd %reals %v9_rest2, %v9_rest
  ; v9_whole = mend(v9, v9_rest3)
  %v9_whole.1 = call %reals @llvm.fabs.v4f64(%reals %v9_rest3)
  %v9_whole.2 = fcmp olt %reals %v9_whole.1, splat (double 0x7FF0000000000000)
  %v9_whole.3 = select %truths %v9_whole.2, %reals %v9_rest3, %reals splat (double 0.0)
  %v9_whole = fadd %reals %v9, %v9_whole.3
  ; v10_whole = neg(v9_whole)
  %v10_whole = fneg %reals %v9_whole
  ; v13_rest = mul(v11_rest16, v12)
  %v13_rest = fmul %reals %v11_rest16, %v12
  ; v12_rest = sqrt_rest(v11, v12_raw)
  %sqrt_rest.1 = fneg %reals %v12_raw
  %sqrt_rest.2 = call %reals @llvm.fma.v4f64(%reals %sqrt_rest.1, %reals %v12_raw, %reals %v11)
  %sqrt_rest.3 = fmul %reals %v12_raw, splat (double 2.0)
  %v12_rest = fdiv %reals %sqrt_rest.2, %sqrt_rest.3
  ; v12_rest2 = sub(v12_raw, v12)
  %v12_rest2 = fsub %reals %v12_raw, %v12
  ; v12_rest3 = add(v12_rest2, change4)
  %v12_rest3 = fadd %reals %v12_rest2, %change4
  ; v12_rest4 = add(v12_rest3, v12_rest)
  %v12_rest4 = fadd %reals %v12_rest3, %v12_rest
  ; v13_rest2 = mul(v12_rest4, v11)
  %v13_rest2 = fmul %reals %v12_rest4, %v11
  ; v13_rest3 = add(v13_rest, v13_rest2)
  %v13_rest3 = fadd %reals %v13_rest, %v13_rest2
  ; v13_rest4 = left_mul(v11, v12, v13)
  %v13_rest4.1 = fneg %reals %v13
  %v13_rest4 = call %reals @llvm.fma.v4f64(%reals %v11, %reals %v12, %reals %v13_rest4.1)
  ; v13_rest5 = add(v13_rest4, v13_rest3)
  %v13_rest5 = fadd %reals %v13_rest4, %v13_rest3
  ; v13_whole = mend(v13, v13_rest5)
  %v13_whole.1 = call %reals @llvm.fabs.v4f64(%reals %v13_rest5)
  %v13_whole.2 = fcmp olt %reals %v13_whole.1, splat (double 0x7FF0000000000000)
  %v13_whole.3 = select %truths %v13_whole.2, %reals %v13_rest5, %reals splat (double 0.0)
  %v13_whole = fadd %reals %v13, %v13_whole.3
  ; rows to be computed again, with more digits and larger exponents
  %hard.1 = call %reals @llvm.fabs.v4f64(%reals %r)
  %hard.2 = fcmp ogt %reals %hard.1, splat (double 0.0)
  %hard.3 = fcmp olt %reals %hard.1, splat (double 7.888609052210118e-31)
  %hard.4 = and %truths %hard.2, %hard.3
  %hard.5 = fcmp ogt %reals %hard.1, splat (double 1.2676506002282294e+30)
  %hard.6 = fcmp olt %reals %hard.1, splat (double 0x7FF0000000000000)
  %hard.7 = and %truths %hard.5, %hard.6
  %hard.8 = or %truths %hard.4, %hard.7
  %give.0 = insertvalue %results poison, %reals %v7_whole, 0  ; value
  %give.1 = insertvalue %results %give.0, %reals %v10_whole, 1  ; gradient
  %give.2 = insertvalue %results %give.1, %reals %v13_whole, 2  ; hessian
  %give.3 = insertvalue %results %give.2, %reals %v14, 3  ; majorant
  %give.4 = insertvalue %results %give.3, %truths %hard.8, 4  ; hard
  ret %results %give.4
}

define void @kernel(i64 %rows.from, i64 %rows.to, ptr %all.arrays, ptr %all.params) {
rows.entry:
  %y.slot = getelementptr ptr, ptr %all.arrays, i64 0
  %y.base = load ptr, ptr %y.slot
  %z.slot = getelementptr ptr, ptr %all.arrays, i64 1
  %z.base = load ptr, ptr %z.slot
  %out.value.slot = getelementptr ptr, ptr %all.arrays, i64 2
  %out.value.base = load ptr, ptr %out.value.slot
  %out.gradient.slot = getelementptr ptr, ptr %all.arrays, i64 3
  %out.gradient.base = load ptr, ptr %out.gradient.slot
  %out.hessian.slot = getelementptr ptr, ptr %all.arrays, i64 4
  %out.hessian.base = load ptr, ptr %out.hessian.slot
  %out.majorant.slot = getelementptr ptr, ptr %all.arrays, i64 5
  %out.majorant.base = load ptr, ptr %out.majorant.slot
  %delta.slot = getelementptr double, ptr %all.params, i64 0
  %delta.one = load double, ptr %delta.slot
  %delta.lane = insertelement %reals poison, double %delta.one, i64 0
  %delta = shufflevector %reals %delta.lane, %reals poison, <4 x i32> zeroinitializer
  %v2 = fmul %reals %delta, %delta
  %v2_rest.1 = fneg %reals %v2
  %v2_rest = call %reals @llvm.fma.v4f64(%reals %delta, %reals %delta, %reals %v2_rest.1)
  br label %rows.loop
rows.loop:
  %rows.at = phi i64 [ %rows.from, %rows.entry ], [ %rows.next, %rows.whole ]
  %hard.whole = phi %truths [ zeroinitializer, %rows.entry ], [ %hard.more, %rows.whole ]
  %rows.next = add i64 %rows.at, 4
  %rows.fit = icmp sle i64 %rows.next, %rows.to
  br i1 %rows.fit, label %rows.whole, label %rows.rest
rows.whole:
  %y.at.whole = getelementptr double, ptr %y.base, i64 %rows.at
  %y.whole.stored = load %stored, ptr %y.at.whole, align 8
  %y.whole = bitcast %stored %y.whole.stored to %reals
  %z.at.whole = getelementptr double, ptr %z.base, i64 %rows.at
  %z.whole.stored = load %stored, ptr %z.at.whole, align 8
  %z.whole = bitcast %stored %z.whole.stored to %reals
  %results.whole = call %results @formula(%reals %y.whole, %reals %z.whole, %reals %delta, %reals %v2, %reals %v2_rest)
  %hard.whole.now = extractvalue %results %results.whole, 4
  %hard.more = or %truths %hard.whole, %hard.whole.now
  %out.value.whole = extractvalue %results %results.whole, 0
  %out.value.whole.stored = bitcast %reals %out.value.whole to %stored
  %out.value.at.whole = getelementptr double, ptr %out.value.base, i64 %rows.at
  store %stored %out.value.whole.stored, ptr %out.value.at.whole, align 8
  %out.gradient.whole = extractvalue %results %results.whole, 1
  %out.gradient.whole.stored = bitcast %reals %out.gradient.whole to %stored
  %out.gradient.at.whole = getelementptr double, ptr %out.gradient.base, i64 %rows.at
  store %stored %out.gradient.whole.stored, ptr %out.gradient.at.whole, align 8
  %out.hessian.whole = extractvalue %results %results.whole, 2
  %out.hessian.whole.stored = bitcast %reals %out.hessian.whole to %stored
  %out.hessian.at.whole = getelementptr double, ptr %out.hessian.base, i64 %rows.at
  store %stored %out.hessian.whole.stored, ptr %out.hessian.at.whole, align 8
  %out.majorant.whole = extractvalue %results %results.whole, 3
  %out.majorant.whole.stored = bitcast %reals %out.majorant.whole to %stored
  %out.majorant.at.whole = getelementptr double, ptr %out.majorant.base, i64 %rows.at
  store %stored %out.majorant.whole.stored, ptr %out.majorant.at.whole, align 8
  br label %rows.loop
rows.rest:
  %rows.left = sub i64 %rows.to, %rows.at
  %rows.some = icmp sgt i64 %rows.left, 0
  br i1 %rows.some, label %rows.tail, label %rows.count
rows.tail:
  %left.lane = insertelement %bits poison, i64 %rows.left, i64 0
  %left.all = shufflevector <4 x i64> %left.lane, <4 x i64> poison, <4 x i32> zeroinitializer
  %rows.mask = icmp slt %bits <i64 0, i64 1, i64 2, i64 3>, %left.all
  %y.at.tail = getelementptr double, ptr %y.base, i64 %rows.at
  %y.tail.stored = call %stored @llvm.masked.load.v4f64.p0(ptr align 8 %y.at.tail, %truths %rows.mask, %stored zeroinitializer)
  %y.tail = bitcast %stored %y.tail.stored to %reals
  %z.at.tail = getelementptr double, ptr %z.base, i64 %rows.at
  %z.tail.stored = call %stored @llvm.masked.load.v4f64.p0(ptr align 8 %z.at.tail, %truths %rows.mask, %stored zeroinitializer)
  %z.tail = bitcast %stored %z.tail.stored to %reals
  %results.tail = call %results @formula(%reals %y.tail, %reals %z.tail, %reals %delta, %reals %v2, %reals %v2_rest)
  %hard.tail.now = extractvalue %results %results.tail, 4
  %hard.kept = and %truths %rows.mask, %hard.tail.now
  %out.value.tail = extractvalue %results %results.tail, 0
  %out.value.tail.stored = bitcast %reals %out.value.tail to %stored
  %out.value.at.tail = getelementptr double, ptr %out.value.base, i64 %rows.at
  call void @llvm.masked.store.v4f64.p0(%stored %out.value.tail.stored, ptr align 8 %out.value.at.tail, %truths %rows.mask)
  %out.gradient.tail = extractvalue %results %results.tail, 1
  %out.gradient.tail.stored = bitcast %reals %out.gradient.tail to %stored
  %out.gradient.at.tail = getelementptr double, ptr %out.gradient.base, i64 %rows.at
  call void @llvm.masked.store.v4f64.p0(%stored %out.gradient.tail.stored, ptr align 8 %out.gradient.at.tail, %truths %rows.mask)
  %out.hessian.tail = extractvalue %results %results.tail, 2
  %out.hessian.tail.stored = bitcast %reals %out.hessian.tail to %stored
  %out.hessian.at.tail = getelementptr double, ptr %out.hessian.base, i64 %rows.at
  call void @llvm.masked.store.v4f64.p0(%stored %out.hessian.tail.stored, ptr align 8 %out.hessian.at.tail, %truths %rows.mask)
  %out.majorant.tail = extractvalue %results %results.tail, 3
  %out.majorant.tail.stored = bitcast %reals %out.majorant.tail to %stored
  %out.majorant.at.tail = getelementptr double, ptr %out.majorant.base, i64 %rows.at
  call void @llvm.masked.store.v4f64.p0(%stored %out.majorant.tail.stored, ptr align 8 %out.majorant.at.tail, %truths %rows.mask)
  %hard.masked = or %truths %hard.kept, %hard.whole
  br label %rows.count
rows.count:
  %hard.all = phi %truths [ %hard.whole, %rows.rest ], [ %hard.masked, %rows.tail ]
  %hard.any = call i1 @llvm.vector.reduce.or.v4i1(%truths %hard.all)
  br i1 %hard.any, label %rows.hard, label %rows.done
rows.hard:
  %hard.before = atomicrmw add ptr @hard, i64 1 monotonic
  br label %rows.done
rows.done:
  ret void
}

define void @stream(i64 %rows.from, i64 %rows.to, ptr %all.arrays, ptr %all.params) {
rows.entry:
  %y.slot = getelementptr ptr, ptr %all.arrays, i64 0
  %y.base = load ptr, ptr %y.slot
  %z.slot = getelementptr ptr, ptr %all.arrays, i64 1
  %z.base = load ptr, ptr %z.slot
  %out.value.slot = getelementptr ptr, ptr %all.arrays, i64 2
  %out.value.base = load ptr, ptr %out.value.slot
  %out.gradient.slot = getelementptr ptr, ptr %all.arrays, i64 3
  %out.gradient.base = load ptr, ptr %out.gradient.slot
  %out.hessian.slot = getelementptr ptr, ptr %all.arrays, i64 4
  %out.hessian.base = load ptr, ptr %out.hessian.slot
  %out.majorant.slot = getelementptr ptr, ptr %all.arrays, i64 5
  %out.majorant.base = load ptr, ptr %out.majorant.slot
  %delta.slot = getelementptr double, ptr %all.params, i64 0
  %delta.one = load double, ptr %delta.slot
  %delta.lane = insertelement %reals poison, double %delta.one, i64 0
  %delta = shufflevector %reals %delta.lane, %reals poison, <4 x i32> zeroinitializer
  %v2 = fmul %reals %delta, %delta
  %v2_rest.1 = fneg %reals %v2
  %v2_rest = call %reals @llvm.fma.v4f64(%reals %delta, %reals %delta, %reals %v2_rest.1)
  br label %rows.loop
rows.loop:
  %rows.at = phi i64 [ %rows.from, %rows.entry ], [ %rows.next, %rows.whole ]
  %hard.whole = phi %truths [ zeroinitializer, %rows.entry ], [ %hard.more, %rows.whole ]
  %rows.next = add i64 %rows.at, 4
  %rows.fit = icmp sle i64 %rows.next, %rows.to
  br i1 %rows.fit, label %rows.whole, label %rows.rest
rows.whole:
  %y.at.whole = getelementptr double, ptr %y.base, i64 %rows.at
  %y.whole.stored = load %stored, ptr %y.at.whole, align 8
  %y.whole = bitcast %stored %y.whole.stored to %reals
  %z.at.whole = getelementptr double, ptr %z.base, i64 %rows.at
  %z.whole.stored = load %stored, ptr %z.at.whole, align 8
  %z.whole = bitcast %stored %z.whole.stored to %reals
  %results.whole = call %results @formula(%reals %y.whole, %reals %z.whole, %reals %delta, %reals %v2, %reals %v2_rest)
  %hard.whole.now = extractvalue %results %results.whole, 4
  %hard.more = or %truths %hard.whole, %hard.whole.now
  %out.value.whole = extractvalue %results %results.whole, 0
  %out.value.whole.stored = bitcast %reals %out.value.whole to %stored
  %out.value.at.whole = getelementptr double, ptr %out.value.base, i64 %rows.at
  store %stored %out.value.whole.stored, ptr %out.value.at.whole, align 32, !nontemporal !0
  %out.gradient.whole = extractvalue %results %results.whole, 1
  %out.gradient.whole.stored = bitcast %reals %out.gradient.whole to %stored
  %out.gradient.at.whole = getelementptr double, ptr %out.gradient.base, i64 %rows.at
  store %stored %out.gradient.whole.stored, ptr %out.gradient.at.whole, align 32, !nontemporal !0
  %out.hessian.whole = extractvalue %results %results.whole, 2
  %out.hessian.whole.stored = bitcast %reals %out.hessian.whole to %stored
  %out.hessian.at.whole = getelementptr double, ptr %out.hessian.base, i64 %rows.at
  store %stored %out.hessian.whole.stored, ptr %out.hessian.at.whole, align 32, !nontemporal !0
  %out.majorant.whole = extractvalue %results %results.whole, 3
  %out.majorant.whole.stored = bitcast %reals %out.majorant.whole to %stored
  %out.majorant.at.whole = getelementptr double, ptr %out.majorant.base, i64 %rows.at
  store %stored %out.majorant.whole.stored, ptr %out.majorant.at.whole, align 32, !nontemporal !0
  br label %rows.loop
rows.rest:
  fence seq_cst
  call void @kernel(i64 %rows.at, i64 %rows.to, ptr %all.arrays, ptr %all.params)
  br label %rows.count
rows.count:
  %hard.all = or %truths %hard.whole, %hard.whole
  %hard.any = call i1 @llvm.vector.reduce.or.v4i1(%truths %hard.all)
  br i1 %hard.any, label %rows.hard, label %rows.done
rows.hard:
  %hard.before = atomicrmw add ptr @hard, i64 1 monotonic
  br label %rows.done
rows.done:
  ret void
}
!0 = !{i32 1}

declare %reals @llvm.fabs.v4f64(%reals)
declare %reals @llvm.fma.v4f64(%reals, %reals, %reals)
declare %reals @llvm.sqrt.v4f64(%reals)
declare i1 @llvm.vector.reduce.or.v4i1(%truths)
declare %stored @llvm.masked.load.v4f64.p0(ptr, %truths, %stored)
declare void @llvm.masked.store.v4f64.p0(%stored, ptr, %truths)
