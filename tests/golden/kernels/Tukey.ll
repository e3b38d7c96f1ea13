; residual: where(abs(r) <= c, c**2/6*(1 - (1 - (r/c)**2)**3), c**2/6)
; inputs y, z; parameters c; outputs value, gradient, hessian, majorant
; 4 rows at a time, double in memory

%reals = type <4 x double>
%bits = type <4 x i64>
%truths = type <4 x i1>
%stored = type <4 x double>
%results = type { %reals, %reals, %reals, %reals, %truths }

@hard = global i64 0

define private %results @formula(%reals %y, %reals %z, %reals %c, %reals %v5, %reals %v5_rest, %reals %v13, %reals %v13_whole) alwaysinline {
  ; r = sub(y, z)
  %r = fsub %reals %y, %z
  ; v1 = eq(r, r)
  %v1 = fcmp oeq %reals %r, %r
  ; v2 = abs(r)
  %v2 = call %reals @llvm.fabs.v4f64(%reals %r)
  ; v3 = le(v2, c)
  %v3 = fcmp ole %reals %v2, %c
  ; v4 = mul(r, r)
  %v4 = fmul %reals %r, %r
  ; v5 = mul(c, c)
  ; v6 = div(v4, v5)
  %v6 = fdiv %reals %v4, %v5
  ; v7_raw = sub(1.0, v6)
  %v7_raw = fsub %reals splat (double 1.0), %v6
  ; v6_rest = left_div(v4, v5, v6)
  %v6_rest.1 = fneg %reals %v6
  %v6_rest = call %reals @llvm.fma.v4f64(%reals %v6_rest.1, %reals %v5, %reals %v4)
  ; v4_rest = left_mul(r, r, v4)
  %v4_rest.1 = fneg %reals %v4
  %v4_rest = call %reals @llvm.fma.v4f64(%reals %r, %reals %r, %reals %v4_rest.1)
  ; v6_rest2 = add(v6_rest, v4_rest)
  %v6_rest2 = fadd %reals %v6_rest, %v4_rest
  ; v5_rest = left_mul(c, c, v5)
  ; v6_rest3 = mul(v5_rest, v6)
  %v6_rest3 = fmul %reals %v5_rest, %v6
  ; v6_rest4 = sub(v6_rest2, v6_rest3)
  %v6_rest4 = fsub %reals %v6_rest2, %v6_rest3
  ; v6_rest5 = div(v6_rest4, v5)
  %v6_rest5 = fdiv %reals %v6_rest4, %v5
  ; v7_rest = neg(v6_rest5)
  %v7_rest = fneg %reals %v6_rest5
  ; v7 = mend(v7_raw, v7_rest)
  %v7.1 = call %reals @llvm.fabs.v4f64(%reals %v6_rest5)
  %v7.2 = fcmp olt %reals %v7.1, splat (double 0x7FF0000000000000)
  %v7.3 = select %truths %v7.2, %reals %v7_rest, %reals splat (double 0.0)
  %v7 = fadd %reals %v7_raw, %v7.3
  ; v8 = mul(v7, v7)
  %v8 = fmul %reals %v7, %v7
  ; v9_raw = add(2.0, v8)
  %v9_raw = fadd %reals splat (double 2.0), %v8
  ; v7_rest2 = sub(1.0, v7_raw)
  %v7_rest2 = fsub %reals splat (double 1.0), %v7_raw
  ; v7_rest3 = add(v7_raw, v7_rest2)
  %v7_rest3 = fadd %reals %v7_raw, %v7_rest2
  ; v7_rest4 = sub(1.0, v7_rest3)
  %v7_rest4 = fsub %reals splat (double 1.0), %v7_rest3
  ; v7_rest5 = sub(v6, v7_rest2)
  %v7_rest5 = fsub %reals %v6, %v7_rest2
  ; v7_rest6 = sub(v7_rest4, v7_rest5)
  %v7_rest6 = fsub %reals %v7_rest4, %v7_rest5
  ; v7_rest7 = sub(v7_raw, v7)
  %v7_rest7 = fsub %reals %v7_raw, %v7
  ; v7_rest8 = add(v7_rest7, v7_rest)
  %v7_rest8 = fadd %reals %v7_rest7, %v7_rest
  ; v7_rest9 = add(v7_rest8, v7_rest6)
  %v7_rest9 = fadd %reals %v7_rest8, %v7_rest6
  ; v8_rest = mul(v7_rest9, v7)
  %v8_rest = fmul %reals %v7_rest9, %v7
  ; v8_rest2 = add(v8_rest, v8_rest)
  %v8_rest2 = fadd %reals %v8_rest, %v8_rest
  ; v8_rest3 = left_mul(v7, v7, v8)
  %v8_rest3.1 = fneg %reals %v8
  %v8_rest3 = call %reals @llvm.fma.v4f64(%reals %v7, %reals %v7, %reals %v8_rest3.1)
  ; v8_rest4 = add(v8_rest3, v8_rest2)
  %v8_rest4 = fadd %reals %v8_rest3, %v8_rest2
  ; v9 = mend(v9_raw, v8_rest4)
  %v9.1 = call %reals @llvm.fabs.v4f64(%reals %v8_rest4)
  %v9.2 = fcmp olt %reals %v9.1, splat (double 0x7FF0000000000000)
  %v9.3 = select %truths %v9.2, %reals %v8_rest4, %reals splat (double 0.0)
  %v9 = fadd %reals %v9_raw, %v9.3
  ; v10_raw = sub(v9, v6)
  %v10_raw = fsub %reals %v9, %v6
  ; v9_rest = sub(v9_raw, 2.0)
  %v9_rest = fsub %reals %v9_raw, splat (double 2.0)
  ; v9_rest2 = sub(v9_raw, v9_rest)
  %v9_rest2 = fsub %reals %v9_raw, %v9_rest
  ; v9_rest3 = sub(2.0, v9_rest2)
  %v9_rest3 = fsub %reals splat (double 2.0), %v9_rest2
  ; v9_rest4 = sub(v8, v9_rest)
  %v9_rest4 = fsub %reals %v8, %v9_rest
  ; v9_rest5 = add(v9_rest3, v9_rest4)
  %v9_rest5 = fadd %reals %v9_rest3, %v9_rest4
  ; v9_rest6 = sub(v9_raw, v9)
  %v9_rest6 = fsub %reals %v9_raw, %v9
  ; v9_rest7 = add(v9_rest6, v8_rest4)
  %v9_rest7 = fadd %reals %v9_rest6, %v8_rest4
  ; v9_rest8 = add(v9_rest7, v9_rest5)
  %v9_rest8 = fadd %reals %v9_rest7, %v9_rest5
  ; v10_rest = sub(v9_rest8, v6_rest5)
  %v10_rest = fsub %reals %v9_rest8, %v6_rest5
  ; v10 = mend(v10_raw, v10_rest)
  %v10.1 = call %reals @llvm.fabs.v4f64(%reals %v10_rest)
  %v10.2 = fcmp olt %reals %v10.1, splat (double 0x7FF0000000000000)
  %v10.3 = select %truths %v10.2, %reals %v10_rest, %reals splat (double 0.0)
  %v10 = fadd %reals %v10_raw, %v10.3
  ; v11 = mul(v4, v10)
  %v11 = fmul %reals %v4, %v10
  ; v12 = div(v11, 6.0)
  %v12 = fdiv %reals %v11, splat (double 6.0)
  ; v13 = div(v5, 6.0)
  ; v14 = where(v3, v12, v13)
  %v14 = select %truths %v3, %reals %v12, %reals %v13
  ; v15 = where(v1, v14, r)
  %v15 = select %truths %v1, %reals %v14, %reals %r
  ; v16 = mul(v8, r)
  %v16 = fmul %reals %v8, %r
  ; v17 = where(v3, v16, 0.0)
  %v17 = select %truths %v3, %reals %v16, %reals splat (double 0.0)
  ; v18 = neg(v17)
  %v18 = fneg %reals %v17
  ; v19 = where(v1, v18, r)
  %v19 = select %truths %v1, %reals %v18, %reals %r
  ; v20 = mul(4.0, v6)
  %v20 = fmul %reals splat (double 4.0), %v6
  ; v21 = mul(v20, v7)
  %v21 = fmul %reals %v20, %v7
  ; v22_raw = sub(v21, v8)
  %v22_raw = fsub %reals %v21, %v8
  ; v20_rest = mul(v6_rest5, 4.0)
  %v20_rest = fmul %reals %v6_rest5, splat (double 4.0)
  ; v21_rest = mul(v20_rest, v7)
  %v21_rest = fmul %reals %v20_rest, %v7
  ; v21_rest2 = mul(v7_rest9, v20)
  %v21_rest2 = fmul %reals %v7_rest9, %v20
  ; v21_rest3 = add(v21_rest, v21_rest2)
  %v21_rest3 = fadd %reals %v21_rest, %v21_rest2
  ; v21_rest4 = left_mul(v20, v7, v21)
  %v21_rest4.1 = fneg %reals %v21
  %v21_rest4 = call %reals @llvm.fma.v4f64(%reals %v20, %reals %v7, %reals %v21_rest4.1)
  ; v21_rest5 = add(v21_rest4, v21_rest3)
  %v21_rest5 = fadd %reals %v21_rest4, %v21_rest3
  ; v22_rest = sub(v21_rest5, v8_rest4)
  %v22_rest = fsub %reals %v21_rest5, %v8_rest4
  ; v22 = mend(v22_raw, v22_rest)
  %v22.1 = call %reals @llvm.fabs.v4f64(%reals %v22_rest)
  %v22.2 = fcmp olt %reals %v22.1, splat (double 0x7FF0000000000000)
  %v22.3 = select %truths %v22.2, %reals %v22_rest, %reals splat (double 0.0)
  %v22 = fadd %reals %v22_raw, %v22.3
  ; v23 = where(v3, v22, 0.0)
  %v23 = select %truths %v3, %reals %v22, %reals splat (double 0.0)
  ; v24 = neg(v23)
  %v24 = fneg %reals %v23
  ; v25 = where(v1, v24, r)
  %v25 = select %truths %v1, %reals %v24, %reals %r
  ; v26 = where(v3, v8, 0.0)
  %v26 = select %truths %v3, %reals %v8, %reals splat (double 0.0)
  ; v27 = where(v1, v26, r)
  %v27 = select %truths %v1, %reals %v26, %reals %r
  ; v12_rest = left_div(v11, 6.0, v12)
  %v12_rest.1 = fneg %reals %v12
  %v12_rest = call %reals @llvm.fma.v4f64(%reals %v12_rest.1, %reals splat (double 6.0), %reals %v11)
  ; v11_rest = mul(v4_rest, v10)
  %v11_rest = fmul %reals %v4_rest, %v10
  ; v10_rest2 = sub(v9, v10_raw)
  %v10_rest2 = fsub %reals %v9, %v10_raw
  ; v10_rest3 = add(v10_raw, v10_rest2)
  %v10_rest3 = fadd %reals %v10_raw, %v10_rest2
  ; v10_rest4 = sub(v9, v10_rest3)
  %v10_rest4 = fsub %reals %v9, %v10_rest3
  ; v10_rest5 = sub(v6, v10_rest2)
  %v10_rest5 = fsub %reals %v6, %v10_rest2
  ; v10_rest6 = sub(v10_rest4, v10_rest5)
  %v10_rest6 = fsub %reals %v10_rest4, %v10_rest5
  ; v10_rest7 = sub(v10_raw, v10)
  %v10_rest7 = fsub %reals %v10_raw, %v10
  ; v10_rest8 = add(v10_rest7, v10_rest)
  %v10_rest8 = fadd %reals %v10_rest7, %v10_rest
  ; v10_rest9 = add(v10_rest8, v10_rest6)
  %v10_rest9 = fadd %reals %v10_rest8, %v10_rest6
  ; v11_rest2 = mul(v10_rest9, v4)
  %v11_rest2 = fmul %reals %v10_rest9, %v4
  ; v11_rest3 = add(v11_rest, v11_rest2)
  %v11_rest3 = fadd %reals %v11_rest, %v11_rest2
  ; v11_rest4 = left_mul(v4, v10, v11)
  %v11_rest4.1 = fneg %reals %v11
  %v11_rest4 = call %reals @llvm.fma.v4f64(%reals %v4, %reals %v10, %reals %v11_rest4.1)
  ; v11_rest5 = add(v11_rest4, v11_rest3)
  %v11_rest5 = fadd %reals %v11_rest4, %v11_rest3
  ; v12_rest2 = add(v12_rest, v11_rest5)
  %v12_rest2 = fadd %reals %v12_rest, %v11_rest5
  ; v12_rest3 = div(v12_rest2, 6.0)
  %v12_rest3 = fdiv %reals %v12_rest2, splat (double 6.0)
  ; v12_whole = mend(v12, v12_rest3)
  %v12_whole.1 = call %reals @llvm.fabs.v4f64(%reals %v12_rest3)
  %v12_whole.2 = fcmp olt %reals %v12_whole.1, splat (double 0x7FF0000000000000)
  %v12_whole.3 = select %truths %v12_whole.2, %reals %v12_rest3, %reals splat (double 0.0)
  %v12_whole = fadd %reals %v12, %v12_whole.3
  ; v13_rest = left_div(v5, 6.0, v13)
  ; v13_rest2 = add(v13_rest, v5_rest)
  ; v13_rest3 = div(v13_rest2, 6.0)
  ; v13_whole = mend(v13, v13_rest3)
  ; v14_whole = where(v3, v12_whole, v13_whole)
  %v14_whole = select %truths %v3, %reals %v12_whole, %reals %v13_whole
  ; v15_whole = where(v1, v14_whole, r)
  %v15_whole = select %truths %v1, %reals %v14_whole, %reals %r
  ; v16_rest = mul(v8_rest4, r)
  %v16_rest = fmul %reals %v8_rest4, %r
  ; v16_rest2 = left_mul(v8, r, v16)
  %v16_rest2.1 = fneg %reals %v16
  %v16_rest2 = call %reals @llvm.fma.v4f64(%reals %v8, %reals %r, %reals %v16_rest2.1)
  ; v16_rest3 = add(v16_rest2, v16_rest)
  %v16_rest3 = fadd %reals %v16_rest2, %v16_rest
  ; v16_whole = mend(v16, v16_rest3)
  %v16_whole.1 = call %reals @llvm.fabs.v4f64(%reals %v16_rest3)
  %v16_whole.2 = fcmp olt %reals %v16_whole.1, splat (double 0x7FF0000000000000)
  %v16_whole.3 = select %truths %v16_whole.2, %reals %v16_rest3, %reals splat (double 0.0)
  %v16_whole = fadd %reals %v16, %v16_whole.3
  ; v17_whole = where(v3, v16_whole, 0.0)
  %v17_whole = select %truths %v3, %reals %v16_whole, %reals splat (double 0.0)
  ; v18_whole = neg(v17_whole)
  %v18_whole = fneg %reals %v17_whole
  ; v19_whole = where(v1, v18_whole, r)
  %v19_whole = select %truths %v1, %reals %v18_whole, %reals %r
  ; v22_rest2 = sub(v21, v22_raw)
  %v22_rest2 = fsub %reals %v21, %v22_raw
  ; v22_rest3 = add(v22_raw, v22_rest2)
  %v22_rest3 = fadd %reals %v22_raw, %v22_rest2
  ; v22_rest4 = sub(v21, v22_rest3)
  %v22_rest4 = fsub %reals %v21, %v22_rest3
  ; v22_rest5 = sub(v8, v22_rest2)
  %v22_rest5 = fsub %reals %v8, %v22_rest2
  ; v22_rest6 = sub(v22_rest4, v22_rest5)
  %v22_rest6 = fsub %reals %v22_rest4, %v22_rest5
  ; v22_rest7 = sub(v22_raw, v22)
  %v22_rest7 = fsub %reals %v22_raw, %v22
  ; v22_rest8 = add(v22_rest7, v22_rest)
  %v22_rest8 = fadd %reals %v22_rest7, %v22_rest
  ; v22_rest9 = add(v22_rest8, v22_rest6)
  %v22_rest9 = fadd %reals %v22_rest8, %v22_rest6
  ; v22_whole = mend(v22, v22_rest9)
  %v22_whole.1 = call %reals @llvm.fabs.v4f64(%reals %v22_rest9)
  %v22_whole.2 = fcmp olt %reals %v22_whole.1, splat (double 0x7FF0000000000000)
  %v22_whole.3 = select %truths %v22_whole.2, %reals %v22_rest9, %reals splat (double 0.0)
  %v22_whole = fadd %reals %v22, %v22_whole.3
  ; v23_whole = where(v3, v22_whole, 0.0)
  %v23_whole = select %truths %v3, %reals %v22_whole, %reals splat (double 0.0)
  ; v24_whole = neg(v23_whole)
  %v24_whole = fneg %reals %v23_whole
  ; v25_whole = where(v1, v24_whole, r)
  %v25_whole = select %truths %v1, %reals %v24_whole, %reals %r
  ; v8_whole = mend(v8, v8_rest4)
  %v8_whole = fadd %reals %v8, %v9.3
  ; v26_whole = where(v3, v8_whole, 0.0)
  %v26_whole = select %truths %v3, %reals %v8_whole, %reals splat (double 0.0)
  ; v27_whole = where(v1, v26_whole, r)
  %v27_whole = select %truths %v1, %reals %v26_whole, %reals %r
  ; rows to be computed again, with more digits and larger exponents
  %hard.1 = fcmp ogt %reals %v2, splat (double 0.0)
  %hard.2 = fcmp olt %reals %v2, splat (double 7.888609052210118e-31)
  %hard.3 = and %truths %hard.1, %hard.2
  %hard.4 = fcmp ogt %reals %v2, splat (double 1.2676506002282294e+30)
  %hard.5 = fcmp olt %reals %v2, splat (double 0x7FF0000000000000)
  %hard.6 = and %truths %hard.4, %hard.5
  %hard.7 = or %truths %hard.3, %hard.6
  %give.0 = insertvalue %results poison, %reals %v15_whole, 0  ; value
  %give.1 = insertvalue %results %give.0, %reals %v19_whole, 1  ; gradient
  %give.2 = insertvalue %results %give.1, %reals %v25_whole, 2  ; hessian
  %give.3 = insertvalue %results %give.2, %reals %v27_whole, 3  ; majorant
  %give.4 = insertvalue %results %give.3, %truths %hard.7, 4  ; hard
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
  %c.slot = getelementptr double, ptr %all.params, i64 0
  %c.one = load double, ptr %c.slot
  %c.lane = insertelement %reals poison, double %c.one, i64 0
  %c = shufflevector %reals %c.lane, %reals poison, <4 x i32> zeroinitializer
  %v5 = fmul %reals %c, %c
  %v5_rest.1 = fneg %reals %v5
  %v5_rest = call %reals @llvm.fma.v4f64(%reals %c, %reals %c, %reals %v5_rest.1)
  %v13 = fdiv %reals %v5, splat (double 6.0)
  %v13_rest.1 = fneg %reals %v13
  %v13_rest = call %reals @llvm.fma.v4f64(%reals %v13_rest.1, %reals splat (double 6.0), %reals %v5)
  %v13_rest2 = fadd %reals %v13_rest, %v5_rest
  %v13_rest3 = fdiv %reals %v13_rest2, splat (double 6.0)
  %v13_whole.1 = call %reals @llvm.fabs.v4f64(%reals %v13_rest3)
  %v13_whole.2 = fcmp olt %reals %v13_whole.1, splat (double 0x7FF0000000000000)
  %v13_whole.3 = select %truths %v13_whole.2, %reals %v13_rest3, %reals splat (double 0.0)
  %v13_whole = fadd %reals %v13, %v13_whole.3
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
  %results.whole = call %results @formula(%reals %y.whole, %reals %z.whole, %reals %c, %reals %v5, %reals %v5_rest, %reals %v13, %reals %v13_whole)
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
  %results.tail = call %results @formula(%reals %y.tail, %reals %z.tail, %reals %c, %reals %v5, %reals %v5_rest, %reals %v13, %reals %v13_whole)
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
  %c.slot = getelementptr double, ptr %all.params, i64 0
  %c.one = load double, ptr %c.slot
  %c.lane = insertelement %reals poison, double %c.one, i64 0
  %c = shufflevector %reals %c.lane, %reals poison, <4 x i32> zeroinitializer
  %v5 = fmul %reals %c, %c
  %v5_rest.1 = fneg %reals %v5
  %v5_rest = call %reals @llvm.fma.v4f64(%reals %c, %reals %c, %reals %v5_rest.1)
  %v13 = fdiv %reals %v5, splat (double 6.0)
  %v13_rest.1 = fneg %reals %v13
  %v13_rest = call %reals @llvm.fma.v4f64(%reals %v13_rest.1, %reals splat (double 6.0), %reals %v5)
  %v13_rest2 = fadd %reals %v13_rest, %v5_rest
  %v13_rest3 = fdiv %reals %v13_rest2, splat (double 6.0)
  %v13_whole.1 = call %reals @llvm.fabs.v4f64(%reals %v13_rest3)
  %v13_whole.2 = fcmp olt %reals %v13_whole.1, splat (double 0x7FF0000000000000)
  %v13_whole.3 = select %truths %v13_whole.2, %reals %v13_rest3, %reals splat (double 0.0)
  %v13_whole = fadd %reals %v13, %v13_whole.3
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
  %results.whole = call %results @formula(%reals %y.whole, %reals %z.whole, %reals %c, %reals %v5, %reals %v5_rest, %reals %v13, %reals %v13_whole)
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
declare i1 @llvm.vector.reduce.or.v4i1(%truths)
declare %stored @llvm.masked.load.v4f64.p0(ptr, %truths, %stored)
declare void @llvm.masked.store.v4f64.p0(%stored, ptr, %truths)
