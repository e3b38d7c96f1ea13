; score: where(power == 1, exp(z) - y*z, where(power == 2, z + y*exp(-z), exp((2 - power)*z)/(2 - power) + y*exp((1 - power)*z)/(power - 1)))  [power = 1.5]
; inputs y, z; parameters none; outputs value, gradient, hessian
; 4 rows at a time, double in memory

%reals = type <4 x double>
%bits = type <4 x i64>
%truths = type <4 x i1>
%stored = type <4 x double>
%results = type { %reals, %reals, %reals, %truths }

@hard = global i64 0

define private %results @formula(%reals %y, %reals %z) alwaysinline {
  ; v0 = mul(0.5, z)
  %v0 = fmul %reals splat (double 0.5), %z
  ; v1 = exp(v0)
  %exp.1 = fcmp ogt %reals %v0, splat (double 710.0)
  %exp.2 = fcmp olt %reals %v0, splat (double -746.0)
  %exp.3 = select %truths %exp.2, %reals splat (double -746.0), %reals %v0
  %exp.4 = select %truths %exp.1, %reals splat (double 710.0), %reals %exp.3
  %reduced.1 = call %reals @llvm.fma.v4f64(%reals %exp.4, %reals splat (double 1.4426950408889634), %reals splat (double 6755399441055744.0))
  %reduced.2 = fsub %reals %reduced.1, splat (double 6755399441055744.0)
  %reduced.3 = call %reals @llvm.fma.v4f64(%reals %reduced.2, %reals splat (double -0.6931471805599453), %reals %exp.4)
  %reduced.4 = call %reals @llvm.fma.v4f64(%reals %reduced.2, %reals splat (double -2.3190468138462996e-17), %reals %reduced.3)
  %expm1_reduced.1 = fmul %reals %reduced.4, %reduced.4
  %polynomial.exp.1 = call %reals @llvm.fma.v4f64(%reals %reduced.4, %reals splat (double 0.16666666666666669), %reals splat (double 0.5000000000000001))
  %polynomial.exp.2 = call %reals @llvm.fma.v4f64(%reals %reduced.4, %reals splat (double 0.008333333333330039), %reals splat (double 0.041666666666623824))
  %polynomial.exp.3 = call %reals @llvm.fma.v4f64(%reals %reduced.4, %reals splat (double 0.00019841269863171557), %reals splat (double 0.0013888888917367081))
  %polynomial.exp.4 = call %reals @llvm.fma.v4f64(%reals %reduced.4, %reals splat (double 2.7557268276905696e-06), %reals splat (double 2.4801521057868204e-05))
  %polynomial.exp.5 = call %reals @llvm.fma.v4f64(%reals %reduced.4, %reals splat (double 2.5100472505694996e-08), %reals splat (double 2.7620201591031547e-07))
  %polynomial.exp.6 = call %reals @llvm.fma.v4f64(%reals %expm1_reduced.1, %reals %polynomial.exp.2, %reals %polynomial.exp.1)
  %polynomial.exp.7 = call %reals @llvm.fma.v4f64(%reals %expm1_reduced.1, %reals %polynomial.exp.4, %reals %polynomial.exp.3)
  %polynomial.exp.8 = fmul %reals %expm1_reduced.1, %expm1_reduced.1
  %polynomial.exp.9 = call %reals @llvm.fma.v4f64(%reals %polynomial.exp.8, %reals %polynomial.exp.7, %reals %polynomial.exp.6)
  %polynomial.exp.10 = fmul %reals %polynomial.exp.8, %polynomial.exp.8
  %polynomial.exp.11 = call %reals @llvm.fma.v4f64(%reals %polynomial.exp.10, %reals %polynomial.exp.5, %reals %polynomial.exp.9)
  %expm1_reduced.2 = call %reals @llvm.fma.v4f64(%reals %expm1_reduced.1, %reals %polynomial.exp.11, %reals %reduced.4)
  %exp.5 = fadd %reals %expm1_reduced.2, splat (double 1.0)
  %scaled.1 = call %reals @llvm.fma.v4f64(%reals %reduced.2, %reals splat (double 0.5), %reals splat (double 6755399441055744.0))
  %scaled.2 = fsub %reals %scaled.1, splat (double 6755399441055744.0)
  %scaled.3 = fsub %reals %reduced.2, %scaled.2
  %scaled.4 = fadd %reals %scaled.3, splat (double 6755399441055744.0)
  %power_of_two.1 = bitcast %reals %scaled.1 to %bits
  %power_of_two.2 = shl %bits %power_of_two.1, splat (i64 52)
  %power_of_two.3 = add %bits %power_of_two.2, splat (i64 4607182418800017408)
  %power_of_two.4 = bitcast %bits %power_of_two.3 to %reals
  %scaled.5 = fmul %reals %exp.5, %power_of_two.4
  %power_of_two.5 = bitcast %reals %scaled.4 to %bits
  %power_of_two.6 = shl %bits %power_of_two.5, splat (i64 52)
  %power_of_two.7 = add %bits %power_of_two.6, splat (i64 4607182418800017408)
  %power_of_two.8 = bitcast %bits %power_of_two.7 to %reals
  %v1 = fmul %reals %scaled.5, %power_of_two.8
  ; v2 = neg(v0)
  %v2 = fneg %reals %v0
  ; v3 = exp(v2)
  %exp.6 = fcmp ogt %reals %v2, splat (double 710.0)
  %exp.7 = fcmp olt %reals %v2, splat (double -746.0)
  %exp.8 = select %truths %exp.7, %reals splat (double -746.0), %reals %v2
  %exp.9 = select %truths %exp.6, %reals splat (double 710.0), %reals %exp.8
  %reduced.5 = call %reals @llvm.fma.v4f64(%reals %exp.9, %reals splat (double 1.4426950408889634), %reals splat (double 6755399441055744.0))
  %reduced.6 = fsub %reals %reduced.5, splat (double 6755399441055744.0)
  %reduced.7 = call %reals @llvm.fma.v4f64(%reals %reduced.6, %reals splat (double -0.6931471805599453), %reals %exp.9)
  %reduced.8 = call %reals @llvm.fma.v4f64(%reals %reduced.6, %reals splat (double -2.3190468138462996e-17), %reals %reduced.7)
  %expm1_reduced.3 = fmul %reals %reduced.8, %reduced.8
  %polynomial.exp.12 = call %reals @llvm.fma.v4f64(%reals %reduced.8, %reals splat (double 0.16666666666666669), %reals splat (double 0.5000000000000001))
  %polynomial.exp.13 = call %reals @llvm.fma.v4f64(%reals %reduced.8, %reals splat (double 0.008333333333330039), %reals splat (double 0.041666666666623824))
  %polynomial.exp.14 = call %reals @llvm.fma.v4f64(%reals %reduced.8, %reals splat (double 0.00019841269863171557), %reals splat (double 0.0013888888917367081))
  %polynomial.exp.15 = call %reals @llvm.fma.v4f64(%reals %reduced.8, %reals splat (double 2.7557268276905696e-06), %reals splat (double 2.4801521057868204e-05))
  %polynomial.exp.16 = call %reals @llvm.fma.v4f64(%reals %reduced.8, %reals splat (double 2.5100472505694996e-08), %reals splat (double 2.7620201591031547e-07))
  %polynomial.exp.17 = call %reals @llvm.fma.v4f64(%reals %expm1_reduced.3, %reals %polynomial.exp.13, %reals %polynomial.exp.12)
  %polynomial.exp.18 = call %reals @llvm.fma.v4f64(%reals %expm1_reduced.3, %reals %polynomial.exp.15, %reals %polynomial.exp.14)
  %polynomial.exp.19 = fmul %reals %expm1_reduced.3, %expm1_reduced.3
  %polynomial.exp.20 = call %reals @llvm.fma.v4f64(%reals %polynomial.exp.19, %reals %polynomial.exp.18, %reals %polynomial.exp.17)
  %polynomial.exp.21 = fmul %reals %polynomial.exp.19, %polynomial.exp.19
  %polynomial.exp.22 = call %reals @llvm.fma.v4f64(%reals %polynomial.exp.21, %reals %polynomial.exp.16, %reals %polynomial.exp.20)
  %expm1_reduced.4 = call %reals @llvm.fma.v4f64(%reals %expm1_reduced.3, %reals %polynomial.exp.22, %reals %reduced.8)
  %exp.10 = fadd %reals %expm1_reduced.4, splat (double 1.0)
  %scaled.7 = call %reals @llvm.fma.v4f64(%reals %reduced.6, %reals splat (double 0.5), %reals splat (double 6755399441055744.0))
  %scaled.8 = fsub %reals %scaled.7, splat (double 6755399441055744.0)
  %scaled.9 = fsub %reals %reduced.6, %scaled.8
  %scaled.10 = fadd %reals %scaled.9, splat (double 6755399441055744.0)
  %power_of_two.9 = bitcast %reals %scaled.7 to %bits
  %power_of_two.10 = shl %bits %power_of_two.9, splat (i64 52)
  %power_of_two.11 = add %bits %power_of_two.10, splat (i64 4607182418800017408)
  %power_of_two.12 = bitcast %bits %power_of_two.11 to %reals
  %scaled.11 = fmul %reals %exp.10, %power_of_two.12
  %power_of_two.13 = bitcast %reals %scaled.10 to %bits
  %power_of_two.14 = shl %bits %power_of_two.13, splat (i64 52)
  %power_of_two.15 = add %bits %power_of_two.14, splat (i64 4607182418800017408)
  %power_of_two.16 = bitcast %bits %power_of_two.15 to %reals
  %v3 = fmul %reals %scaled.11, %power_of_two.16
  ; v4 = mul(y, v3)
  %v4 = fmul %reals %y, %v3
  ; v5 = mul(2.0, v1)
  %v5 = fmul %reals splat (double 2.0), %v1
  ; v6 = mul(2.0, v4)
  %v6 = fmul %reals splat (double 2.0), %v4
  ; v7_raw = add(v5, v6)
  %v7_raw = fadd %reals %v5, %v6
  ; v4_rest = left_mul(y, v3, v4)
  %v4_rest.1 = fneg %reals %v4
  %v4_rest = call %reals @llvm.fma.v4f64(%reals %y, %reals %v3, %reals %v4_rest.1)
  ; v6_rest = mul(v4_rest, 2.0)
  %v6_rest = fmul %reals %v4_rest, splat (double 2.0)
  ; v7 = mend(v7_raw, v6_rest)
  %v7.1 = call %reals @llvm.fabs.v4f64(%reals %v4_rest)
  %v7.2 = fmul %reals %v7.1, splat (double 2.0)
  %v7.3 = fcmp olt %reals %v7.2, splat (double 0x7FF0000000000000)
  %v7.4 = select %truths %v7.3, %reals %v6_rest, %reals splat (double 0.0)
  %v7 = fadd %reals %v7_raw, %v7.4
  ; v8_raw = sub(v1, v4)
  %v8_raw = fsub %reals %v1, %v4
  ; v8_rest = neg(v4_rest)
  %v8_rest = fneg %reals %v4_rest
  ; v8 = mend(v8_raw, v8_rest)
  %v8.1 = fcmp olt %reals %v7.1, splat (double 0x7FF0000000000000)
  %v8.2 = select %truths %v8.1, %reals %v8_rest, %reals splat (double 0.0)
  %v8 = fadd %reals %v8_raw, %v8.2
  ; v9 = mul(0.5, v1)
  %v9 = fmul %reals splat (double 0.5), %v1
  ; v10 = mul(0.5, v4)
  %v10 = fmul %reals splat (double 0.5), %v4
  ; v11_raw = add(v9, v10)
  %v11_raw = fadd %reals %v9, %v10
  ; v10_rest = mul(v4_rest, 0.5)
  %v10_rest = fmul %reals %v4_rest, splat (double 0.5)
  ; v11 = mend(v11_raw, v10_rest)
  %v11.1 = fmul %reals %v7.1, splat (double 0.5)
  %v11.2 = fcmp olt %reals %v11.1, splat (double 0x7FF0000000000000)
  %v11.3 = select %truths %v11.2, %reals %v10_rest, %reals splat (double 0.0)
  %v11 = fadd %reals %v11_raw, %v11.3
  ; rows to be computed again, with more digits and larger exponents
  %hard.1 = call %reals @llvm.fabs.v4f64(%reals %z)
  %hard.2 = fcmp ogt %reals %hard.1, splat (double 0.0)
  %hard.3 = fcmp olt %reals %hard.1, splat (double 7.888609052210118e-31)
  %hard.4 = and %truths %hard.2, %hard.3
  %hard.5 = fcmp ogt %reals %hard.1, splat (double 1.2676506002282294e+30)
  %hard.6 = fcmp olt %reals %hard.1, splat (double 0x7FF0000000000000)
  %hard.7 = and %truths %hard.5, %hard.6
  %hard.8 = call %reals @llvm.fabs.v4f64(%reals %y)
  %hard.9 = fcmp ogt %reals %hard.8, splat (double 0.0)
  %hard.10 = fcmp olt %reals %hard.8, splat (double 7.888609052210118e-31)
  %hard.11 = and %truths %hard.9, %hard.10
  %hard.12 = fcmp ogt %reals %hard.8, splat (double 1.2676506002282294e+30)
  %hard.13 = fcmp olt %reals %hard.8, splat (double 0x7FF0000000000000)
  %hard.14 = and %truths %hard.12, %hard.13
  %hard.15 = fcmp ogt %reals %v0, splat (double -1500.0)
  %hard.16 = fcmp olt %reals %v0, splat (double -200.0)
  %hard.17 = and %truths %hard.15, %hard.16
  %hard.18 = fcmp ogt %reals %v0, splat (double 200.0)
  %hard.19 = fcmp olt %reals %v0, splat (double 0x7FF0000000000000)
  %hard.20 = and %truths %hard.18, %hard.19
  %hard.21 = fcmp ogt %reals %v2, splat (double -1500.0)
  %hard.22 = fcmp olt %reals %v2, splat (double -200.0)
  %hard.23 = and %truths %hard.21, %hard.22
  %hard.24 = fcmp ogt %reals %v2, splat (double 200.0)
  %hard.25 = fcmp olt %reals %v2, splat (double 0x7FF0000000000000)
  %hard.26 = and %truths %hard.24, %hard.25
  %hard.27 = or %truths %hard.4, %hard.7
  %hard.28 = or %truths %hard.27, %hard.11
  %hard.29 = or %truths %hard.28, %hard.14
  %hard.30 = or %truths %hard.29, %hard.17
  %hard.31 = or %truths %hard.30, %hard.20
  %hard.32 = or %truths %hard.31, %hard.23
  %hard.33 = or %truths %hard.32, %hard.26
  %give.0 = insertvalue %results poison, %reals %v7, 0  ; value
  %give.1 = insertvalue %results %give.0, %reals %v8, 1  ; gradient
  %give.2 = insertvalue %results %give.1, %reals %v11, 2  ; hessian
  %give.3 = insertvalue %results %give.2, %truths %hard.33, 3  ; hard
  ret %results %give.3
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
  %results.whole = call %results @formula(%reals %y.whole, %reals %z.whole)
  %hard.whole.now = extractvalue %results %results.whole, 3
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
  %results.tail = call %results @formula(%reals %y.tail, %reals %z.tail)
  %hard.tail.now = extractvalue %results %results.tail, 3
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
  %results.whole = call %results @formula(%reals %y.whole, %reals %z.whole)
  %hard.whole.now = extractvalue %results %results.whole, 3
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

declare %reals @llvm.fma.v4f64(%reals, %reals, %reals)
declare %reals @llvm.fabs.v4f64(%reals)
declare i1 @llvm.vector.reduce.or.v4i1(%truths)
declare %stored @llvm.masked.load.v4f64.p0(ptr, %truths, %stored)
declare void @llvm.masked.store.v4f64.p0(%stored, ptr, %truths)
