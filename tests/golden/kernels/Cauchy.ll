; residual: c**2/2*log(1 + (r/c)**2)
; inputs y, z; parameters c; outputs value, gradient, hessian, majorant
; 4 rows at a time, double in memory

%reals = type <4 x double>
%bits = type <4 x i64>
%truths = type <4 x i1>
%stored = type <4 x double>
%results = type { %reals, %reals, %reals, %reals, %truths }

@hard = global i64 0

define private %results @formula(%reals %y, %reals %z, %reals %c, %reals %v4) alwaysinline {
  ; r = sub(y, z)
  %r = fsub %reals %y, %z
  ; v1 = div(r, c)
  %v1 = fdiv %reals %r, %c
  ; v2_raw = witch(v1)
  %one_plus_square.1 = call %reals @llvm.fabs.v4f64(%reals %v1)
  %one_plus_square.2 = fcmp ogt %reals %one_plus_square.1, splat (double 1.152921504606847e+18)
  %one_plus_square.3 = call %reals @llvm.fma.v4f64(%reals %v1, %reals %v1, %reals splat (double 1.0))
  %witch.1 = select %truths %one_plus_square.2, %reals %v1, %reals %one_plus_square.3
  %witch.2 = fdiv %reals splat (double 1.0), %witch.1
  %witch.3 = fmul %reals %witch.2, %witch.2
  %v2_raw = select %truths %one_plus_square.2, %reals %witch.3, %reals %witch.2
  ; v1_rest = left_div(r, c, v1)
  %v1_rest.1 = fneg %reals %v1
  %v1_rest = call %reals @llvm.fma.v4f64(%reals %v1_rest.1, %reals %c, %reals %r)
  ; v1_rest2 = div(v1_rest, c)
  %v1_rest2 = fdiv %reals %v1_rest, %c
  ; slope = mul(-2.0, v1)
  %slope = fmul %reals splat (double -2.0), %v1
  ; slope2 = mul(slope, v2_raw)
  %slope2 = fmul %reals %slope, %v2_raw
  ; slope3 = mul(slope2, v2_raw)
  %slope3 = fmul %reals %slope2, %v2_raw
  ; change = mul(slope3, v1_rest2)
  %change = fmul %reals %slope3, %v1_rest2
  ; v2 = mend(v2_raw, change)
  %v2.1 = call %reals @llvm.fabs.v4f64(%reals %change)
  %v2.2 = fcmp olt %reals %v2.1, splat (double 0x7FF0000000000000)
  %v2.3 = select %truths %v2.2, %reals %change, %reals splat (double 0.0)
  %v2 = fadd %reals %v2_raw, %v2.3
  ; v3 = mul(0.5, c)
  ; v4 = mul(v3, c)
  ; v5_raw = log1psq(v1)
  %log1psq.1 = fmul %reals %v1, %v1
  %log1psq.2 = select %truths %one_plus_square.2, %reals %one_plus_square.1, %reals %log1psq.1
  %log1p_parts.1 = fadd %reals %log1psq.2, splat (double 1.0)
  %log1p_parts.2 = fsub %reals %log1p_parts.1, splat (double 1.0)
  %log1p_parts.3 = fsub %reals %log1p_parts.1, %log1p_parts.2
  %log1p_parts.4 = fsub %reals splat (double 1.0), %log1p_parts.3
  %log1p_parts.5 = fsub %reals %log1psq.2, %log1p_parts.2
  %log1p_parts.6 = fadd %reals %log1p_parts.4, %log1p_parts.5
  %log1p_parts.7 = bitcast %reals %log1p_parts.1 to %bits
  %log_split.1 = sub %bits %log1p_parts.7, splat (i64 4604544271217802189)
  %log_split.2 = ashr %bits %log_split.1, splat (i64 52)
  %log_split.3 = shl %bits %log_split.2, splat (i64 52)
  %log_split.4 = sub %bits %log1p_parts.7, %log_split.3
  %log_split.5 = bitcast %bits %log_split.4 to %reals
  %log1p_parts.8 = fsub %reals %log_split.5, splat (double 1.0)
  %log1p_parts.9 = fcmp ogt %reals %log1psq.2, splat (double 1.152921504606847e+18)
  %log1p_parts.10 = sub %bits splat (i64 4607182418800017408), %log_split.3
  %log1p_parts.11 = bitcast %bits %log1p_parts.10 to %reals
  %log1p_parts.12 = fmul %reals %log1p_parts.6, %log1p_parts.11
  %log1p_parts.13 = select %truths %log1p_parts.9, %reals splat (double 0.0), %reals %log1p_parts.12
  %log1p_parts.14 = fcmp ogt %reals %log1p_parts.1, splat (double 0.7072)
  %log1p_parts.15 = fcmp olt %reals %log1p_parts.1, splat (double 1.4141)
  %log1p_parts.16 = and %truths %log1p_parts.14, %log1p_parts.15
  %log1p_parts.17 = fadd %reals %log1p_parts.8, %log1p_parts.13
  %log1p_parts.18 = select %truths %log1p_parts.16, %reals %log1psq.2, %reals %log1p_parts.17
  %as_real.1 = add %bits %log_split.2, splat (i64 4843621399236968448)
  %as_real.2 = bitcast %bits %as_real.1 to %reals
  %as_real.3 = fsub %reals %as_real.2, splat (double 6755399441055744.0)
  %log1p_parts.19 = select %truths %log1p_parts.16, %reals splat (double 0.0), %reals %as_real.3
  %log_rest_part.1 = fadd %reals %log1p_parts.18, splat (double 2.0)
  %log_rest_part.2 = fdiv %reals %log1p_parts.18, %log_rest_part.1
  %log_rest_part.3 = fmul %reals %log1p_parts.18, %log1p_parts.18
  %log_rest_part.4 = fmul %reals %log_rest_part.3, splat (double 0.5)
  %log_rest_part.5 = fmul %reals %log_rest_part.2, %log_rest_part.2
  %polynomial.log.1 = call %reals @llvm.fma.v4f64(%reals %log_rest_part.5, %reals splat (double 0.3999999999989819), %reals splat (double 0.666666666666667))
  %polynomial.log.2 = call %reals @llvm.fma.v4f64(%reals %log_rest_part.5, %reals splat (double 0.2222221103781659), %reals splat (double 0.28571428626570206))
  %polynomial.log.3 = call %reals @llvm.fma.v4f64(%reals %log_rest_part.5, %reals splat (double 0.15331487235865734), %reals splat (double 0.18182896183483085))
  %polynomial.log.4 = fmul %reals %log_rest_part.5, %log_rest_part.5
  %polynomial.log.5 = call %reals @llvm.fma.v4f64(%reals %polynomial.log.4, %reals %polynomial.log.2, %reals %polynomial.log.1)
  %polynomial.log.6 = call %reals @llvm.fma.v4f64(%reals %polynomial.log.4, %reals splat (double 0.14619343453512615), %reals %polynomial.log.3)
  %polynomial.log.7 = fmul %reals %polynomial.log.4, %polynomial.log.4
  %polynomial.log.8 = call %reals @llvm.fma.v4f64(%reals %polynomial.log.7, %reals %polynomial.log.6, %reals %polynomial.log.5)
  %log_rest_part.6 = call %reals @llvm.fma.v4f64(%reals %log_rest_part.5, %reals %polynomial.log.8, %reals %log_rest_part.4)
  %log_rest_part.7 = fmul %reals %log1p_parts.19, splat (double 1.9082149292705877e-10)
  %log_rest_part.8 = call %reals @llvm.fma.v4f64(%reals %log_rest_part.2, %reals %log_rest_part.6, %reals %log_rest_part.7)
  %log_rest_part.9 = fsub %reals %log_rest_part.8, %log_rest_part.4
  %log_joined.1 = fadd %reals %log_rest_part.9, %log1p_parts.18
  %log_joined.2 = call %reals @llvm.fma.v4f64(%reals %log1p_parts.19, %reals splat (double 0.6931471803691238), %reals %log_joined.1)
  %log_ends.1 = fcmp olt %reals %log1p_parts.1, splat (double 0x7FF0000000000000)
  %log_ends.2 = select %truths %log_ends.1, %reals %log_joined.2, %reals %log1p_parts.1
  %log_ends.3 = fcmp ogt %reals %log1p_parts.1, splat (double 0.0)
  %log_ends.4 = fcmp oeq %reals %log1p_parts.1, splat (double 0.0)
  %log_ends.5 = select %truths %log_ends.4, %reals splat (double 0xFFF0000000000000), %reals splat (double 0x7FF8000000000000)
  %log_ends.6 = select %truths %log_ends.3, %reals %log_ends.2, %reals %log_ends.5
  %log1psq.3 = select %truths %one_plus_square.2, %reals splat (double 2.0), %reals splat (double 1.0)
  %v5_raw = fmul %reals %log_ends.6, %log1psq.3
  ; slope4 = serpentine(v1)
  %serpentine.1 = select %truths %one_plus_square.2, %reals splat (double 1.0), %reals %v1
  %slope4 = fdiv %reals %serpentine.1, %witch.1
  ; slope5 = mul(2.0, slope4)
  %slope5 = fmul %reals splat (double 2.0), %slope4
  ; change2 = mul(slope5, v1_rest2)
  %change2 = fmul %reals %slope5, %v1_rest2
  ; v5 = mend(v5_raw, change2)
  %v5.1 = call %reals @llvm.fabs.v4f64(%reals %change2)
  %v5.2 = fcmp olt %reals %v5.1, splat (double 0x7FF0000000000000)
  %v5.3 = select %truths %v5.2, %reals %change2, %reals splat (double 0.0)
  %v5 = fadd %reals %v5_raw, %v5.3
  ; v6 = mul(v4, v5)
  %v6 = fmul %reals %v4, %v5
  ; v7_raw = serpentine(v1)
  ; slope6 = mul(v2_raw, v2_raw)
  %slope6 = fmul %reals %v2_raw, %v2_raw
  ; slope7 = mul(v7_raw, v7_raw)
  %slope7 = fmul %reals %slope4, %slope4
  ; slope8 = sub(slope6, slope7)
  %slope8 = fsub %reals %slope6, %slope7
  ; change3 = mul(slope8, v1_rest2)
  %change3 = fmul %reals %slope8, %v1_rest2
  ; v7 = mend(v7_raw, change3)
  %v7.1 = call %reals @llvm.fabs.v4f64(%reals %change3)
  %v7.2 = fcmp olt %reals %v7.1, splat (double 0x7FF0000000000000)
  %v7.3 = select %truths %v7.2, %reals %change3, %reals splat (double 0.0)
  %v7 = fadd %reals %slope4, %v7.3
  ; v8 = mul(v7, c)
  %v8 = fmul %reals %v7, %c
  ; v9 = neg(v8)
  %v9 = fneg %reals %v8
  ; v10 = abs(v1)
  ; v10_rest = lt(v1, 0.0)
  %v10_rest = fcmp olt %reals %v1, splat (double 0.0)
  ; v10_rest2 = neg(v1_rest2)
  %v10_rest2 = fneg %reals %v1_rest2
  ; v10_rest3 = where(v10_rest, v10_rest2, v1_rest2)
  %v10_rest3 = select %truths %v10_rest, %reals %v10_rest2, %reals %v1_rest2
  ; v11_side = sub(v10, 1.0)
  %v11_side = fsub %reals %one_plus_square.1, splat (double 1.0)
  ; v11_side2 = mend(v11_side, v10_rest3)
  %v11_side2.1 = call %reals @llvm.fabs.v4f64(%reals %v10_rest3)
  %v11_side2.2 = fcmp olt %reals %v11_side2.1, splat (double 0x7FF0000000000000)
  %v11_side2.3 = select %truths %v11_side2.2, %reals %v10_rest3, %reals splat (double 0.0)
  %v11_side2 = fadd %reals %v11_side, %v11_side2.3
  ; v11 = lt(v11_side2, 0.0)
  %v11 = fcmp olt %reals %v11_side2, splat (double 0.0)
  ; v12 = mul(v7, v1)
  %v12 = fmul %reals %v7, %v1
  ; v13_raw = sub(1.0, v2)
  %v13_raw = fsub %reals splat (double 1.0), %v2
  ; v2_rest = mul(v1, v1)
  ; v2_rest2 = add(1.0, v2_rest)
  %v2_rest2 = fadd %reals splat (double 1.0), %log1psq.1
  ; v2_rest3 = sub(v2_rest2, 1.0)
  %v2_rest3 = fsub %reals %v2_rest2, splat (double 1.0)
  ; v2_rest4 = sub(v2_rest2, v2_rest3)
  %v2_rest4 = fsub %reals %v2_rest2, %v2_rest3
  ; v2_rest5 = sub(1.0, v2_rest4)
  %v2_rest5 = fsub %reals splat (double 1.0), %v2_rest4
  ; v2_rest6 = sub(v2_rest, v2_rest3)
  %v2_rest6 = fsub %reals %log1psq.1, %v2_rest3
  ; v2_rest7 = add(v2_rest5, v2_rest6)
  %v2_rest7 = fadd %reals %v2_rest5, %v2_rest6
  ; v2_rest8 = left_mul(v1, v1, v2_rest)
  %v2_rest8.1 = fneg %reals %log1psq.1
  %v2_rest8 = call %reals @llvm.fma.v4f64(%reals %v1, %reals %v1, %reals %v2_rest8.1)
  ; v2_rest9 = add(v2_rest7, v2_rest8)
  %v2_rest9 = fadd %reals %v2_rest7, %v2_rest8
  ; v2_rest10 = left_div(1.0, v2_rest2, v2_raw)
  %v2_rest10.1 = fneg %reals %v2_raw
  %v2_rest10 = call %reals @llvm.fma.v4f64(%reals %v2_rest10.1, %reals %v2_rest2, %reals splat (double 1.0))
  ; v2_rest11 = mul(v2_raw, v2_rest9)
  %v2_rest11 = fmul %reals %v2_raw, %v2_rest9
  ; v2_rest12 = sub(v2_rest10, v2_rest11)
  %v2_rest12 = fsub %reals %v2_rest10, %v2_rest11
  ; v2_rest13 = div(v2_rest12, v2_rest2)
  %v2_rest13 = fdiv %reals %v2_rest12, %v2_rest2
  ; v2_rest14 = sub(v2_raw, v2)
  %v2_rest14 = fsub %reals %v2_raw, %v2
  ; v2_rest15 = add(v2_rest14, change)
  %v2_rest15 = fadd %reals %v2_rest14, %change
  ; v2_rest16 = add(v2_rest15, v2_rest13)
  %v2_rest16 = fadd %reals %v2_rest15, %v2_rest13
  ; v13_rest = neg(v2_rest16)
  %v13_rest = fneg %reals %v2_rest16
  ; v13 = mend(v13_raw, v13_rest)
  %v13.1 = call %reals @llvm.fabs.v4f64(%reals %v2_rest16)
  %v13.2 = fcmp olt %reals %v13.1, splat (double 0x7FF0000000000000)
  %v13.3 = select %truths %v13.2, %reals %v13_rest, %reals splat (double 0.0)
  %v13 = fadd %reals %v13_raw, %v13.3
  ; v14 = where(v11, v12, v13)
  %v14 = select %truths %v11, %reals %v12, %reals %v13
  ; v15_raw = sub(v2, v14)
  %v15_raw = fsub %reals %v2, %v14
  ; v7_rest = left_div(v1, v2_rest2, v7_raw)
  %v7_rest.1 = fneg %reals %slope4
  %v7_rest = call %reals @llvm.fma.v4f64(%reals %v7_rest.1, %reals %v2_rest2, %reals %v1)
  ; v7_rest2 = mul(v7_raw, v2_rest9)
  %v7_rest2 = fmul %reals %slope4, %v2_rest9
  ; v7_rest3 = sub(v7_rest, v7_rest2)
  %v7_rest3 = fsub %reals %v7_rest, %v7_rest2
  ; v7_rest4 = div(v7_rest3, v2_rest2)
  %v7_rest4 = fdiv %reals %v7_rest3, %v2_rest2
  ; v7_rest5 = sub(v7_raw, v7)
  %v7_rest5 = fsub %reals %slope4, %v7
  ; v7_rest6 = add(v7_rest5, change3)
  %v7_rest6 = fadd %reals %v7_rest5, %change3
  ; v7_rest7 = add(v7_rest6, v7_rest4)
  %v7_rest7 = fadd %reals %v7_rest6, %v7_rest4
  ; v12_rest = mul(v7_rest7, v1)
  %v12_rest = fmul %reals %v7_rest7, %v1
  ; v12_rest2 = mul(v1_rest2, v7)
  %v12_rest2 = fmul %reals %v1_rest2, %v7
  ; v12_rest3 = add(v12_rest, v12_rest2)
  %v12_rest3 = fadd %reals %v12_rest, %v12_rest2
  ; v12_rest4 = left_mul(v7, v1, v12)
  %v12_rest4.1 = fneg %reals %v12
  %v12_rest4 = call %reals @llvm.fma.v4f64(%reals %v7, %reals %v1, %reals %v12_rest4.1)
  ; v12_rest5 = add(v12_rest4, v12_rest3)
  %v12_rest5 = fadd %reals %v12_rest4, %v12_rest3
  ; v13_rest2 = sub(1.0, v13_raw)
  %v13_rest2 = fsub %reals splat (double 1.0), %v13_raw
  ; v13_rest3 = add(v13_raw, v13_rest2)
  %v13_rest3 = fadd %reals %v13_raw, %v13_rest2
  ; v13_rest4 = sub(1.0, v13_rest3)
  %v13_rest4 = fsub %reals splat (double 1.0), %v13_rest3
  ; v13_rest5 = sub(v2, v13_rest2)
  %v13_rest5 = fsub %reals %v2, %v13_rest2
  ; v13_rest6 = sub(v13_rest4, v13_rest5)
  %v13_rest6 = fsub %reals %v13_rest4, %v13_rest5
  ; v13_rest7 = sub(v13_raw, v13)
  %v13_rest7 = fsub %reals %v13_raw, %v13
  ; v13_rest8 = add(v13_rest7, v13_rest)
  %v13_rest8 = fadd %reals %v13_rest7, %v13_rest
  ; v13_rest9 = add(v13_rest8, v13_rest6)
  %v13_rest9 = fadd %reals %v13_rest8, %v13_rest6
  ; v14_rest = where(v11, v12_rest5, v13_rest9)
  %v14_rest = select %truths %v11, %reals %v12_rest5, %reals %v13_rest9
  ; v15_rest = sub(v2_rest16, v14_rest)
  %v15_rest = fsub %reals %v2_rest16, %v14_rest
  ; v15 = mend(v15_raw, v15_rest)
  %v15.1 = call %reals @llvm.fabs.v4f64(%reals %v15_rest)
  %v15.2 = fcmp olt %reals %v15.1, splat (double 0x7FF0000000000000)
  %v15.3 = select %truths %v15.2, %reals %v15_rest, %reals splat (double 0.0)
  %v15 = fadd %reals %v15_raw, %v15.3
  ; v16 = mul(v2, v15)
  %v16 = fmul %reals %v2, %v15
  ; v16_rest = mul(v2_rest16, v15)
  %v16_rest = fmul %reals %v2_rest16, %v15
  ; v15_rest2 = sub(v2, v15_raw)
  %v15_rest2 = fsub %reals %v2, %v15_raw
  ; v15_rest3 = add(v15_raw, v15_rest2)
  %v15_rest3 = fadd %reals %v15_raw, %v15_rest2
  ; v15_rest4 = sub(v2, v15_rest3)
  %v15_rest4 = fsub %reals %v2, %v15_rest3
  ; v15_rest5 = sub(v14, v15_rest2)
  %v15_rest5 = fsub %reals %v14, %v15_rest2
  ; v15_rest6 = sub(v15_rest4, v15_rest5)
  %v15_rest6 = fsub %reals %v15_rest4, %v15_rest5
  ; v15_rest7 = sub(v15_raw, v15)
  %v15_rest7 = fsub %reals %v15_raw, %v15
  ; v15_rest8 = add(v15_rest7, v15_rest)
  %v15_rest8 = fadd %reals %v15_rest7, %v15_rest
  ; v15_rest9 = add(v15_rest8, v15_rest6)
  %v15_rest9 = fadd %reals %v15_rest8, %v15_rest6
  ; v16_rest2 = mul(v15_rest9, v2)
  %v16_rest2 = fmul %reals %v15_rest9, %v2
  ; v16_rest3 = add(v16_rest, v16_rest2)
  %v16_rest3 = fadd %reals %v16_rest, %v16_rest2
  ; v16_rest4 = left_mul(v2, v15, v16)
  %v16_rest4.1 = fneg %reals %v16
  %v16_rest4 = call %reals @llvm.fma.v4f64(%reals %v2, %reals %v15, %reals %v16_rest4.1)
  ; v16_rest5 = add(v16_rest4, v16_rest3)
  %v16_rest5 = fadd %reals %v16_rest4, %v16_rest3
  ; v16_whole = mend(v16, v16_rest5)
  %v16_whole.1 = call %reals @llvm.fabs.v4f64(%reals %v16_rest5)
  %v16_whole.2 = fcmp olt %reals %v16_whole.1, splat (double 0x7FF0000000000000)
  %v16_whole.3 = select %truths %v16_whole.2, %reals %v16_rest5, %reals splat (double 0.0)
  %v16_whole = fadd %reals %v16, %v16_whole.3
  ; rows to be computed again, with more digits and larger exponents
  %hard.1 = call %reals @llvm.fabs.v4f64(%reals %r)
  %hard.2 = fcmp ogt %reals %hard.1, splat (double 0.0)
  %hard.3 = fcmp olt %reals %hard.1, splat (double 7.888609052210118e-31)
  %hard.4 = and %truths %hard.2, %hard.3
  %hard.5 = fcmp ogt %reals %hard.1, splat (double 1.2676506002282294e+30)
  %hard.6 = fcmp olt %reals %hard.1, splat (double 0x7FF0000000000000)
  %hard.7 = and %truths %hard.5, %hard.6
  %hard.8 = or %truths %hard.4, %hard.7
  %give.0 = insertvalue %results poison, %reals %v6, 0  ; value
  %give.1 = insertvalue %results %give.0, %reals %v9, 1  ; gradient
  %give.2 = insertvalue %results %give.1, %reals %v16_whole, 2  ; hessian
  %give.3 = insertvalue %results %give.2, %reals %v2, 3  ; majorant
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
  %c.slot = getelementptr double, ptr %all.params, i64 0
  %c.one = load double, ptr %c.slot
  %c.lane = insertelement %reals poison, double %c.one, i64 0
  %c = shufflevector %reals %c.lane, %reals poison, <4 x i32> zeroinitializer
  %v3 = fmul %reals splat (double 0.5), %c
  %v4 = fmul %reals %v3, %c
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
  %results.whole = call %results @formula(%reals %y.whole, %reals %z.whole, %reals %c, %reals %v4)
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
  %results.tail = call %results @formula(%reals %y.tail, %reals %z.tail, %reals %c, %reals %v4)
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
  %v3 = fmul %reals splat (double 0.5), %c
  %v4 = fmul %reals %v3, %c
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
  %results.whole = call %results @formula(%reals %y.whole, %reals %z.whole, %reals %c, %reals %v4)
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
