# What of the style can be measured.

use strict;
use warnings;

use ExtUtils::Manifest 'maniread';
use Test::More;

my $FILE_MAX     = 500;
my $FUNCTION_MAX = 70;
my $MEDIAN_MAX   = 15;
my $LINE_MAX     = 150;

# Rows of a table of cases stay on one line.
my $WIDE_MAY     = qr{\At/};
my $TABS_MAY     = qr{\A(?:Makefile\.PL|xs/typemap)\z};

my @files = sort grep {m{(?:\.(?:c|h|xs|xsi|pm|pl|t|PL)|typemap)\z}} keys %{ maniread() };
my @all_lengths;
check_file($_) for @files;

my @sorted = sort { $a <=> $b } @all_lengths;
cmp_ok($sorted[ @sorted / 2 ], '<=', $MEDIAN_MAX, 'median length of a C function in c/') if @sorted;
done_testing;

sub check_file {
    my ($file) = @_;
    open my $fh, '<:raw', $file or die "$file: $!";
    my @lines = <$fh>;
    my @complaints;
    my $length = code_lines(@lines);
    push @complaints, "$length lines" if $length > $FILE_MAX and $file =~ m{\A(?:c|xs|lib|t/c)/};
    for my $i (0 .. $#lines) {
        my $where = 'line ' . ($i + 1);
        push @complaints, "$where ends in white space" if $lines[$i] =~ /[ \t\r]\n/;
        push @complaints, "$where is too long" if length $lines[$i] > $LINE_MAX and $file !~ /$WIDE_MAY/;
        push @complaints, "$where skips clones: a weak reference to one makes perl panic" if $lines[$i] =~ /^sub CLONE_SKIP\b/;
        push @complaints, "$where has a tab" if $lines[$i] =~ /\t/ and $file !~ /$TABS_MAY/;
    }
    push @complaints, function_complaints($file, \@lines) if $file =~ /\.c\z/;
    is_deeply(\@complaints, [], $file);
}

# Without the manual.
sub code_lines {
    my $pod = 0;
    return scalar grep {
        $pod = 1 if /^=[a-z]/;
        my $is_code = !$pod;
        $pod = 0 if /^=cut/;
        $is_code;
    } @_;
}

# A function's body is from a line "{" to the next line "}".
sub function_complaints {
    my ($file, $lines) = @_;
    my ($start, @complaints);
    for my $i (0 .. $#$lines) {
        $start = $i if $lines->[$i] eq "{\n";
        next unless $lines->[$i] eq "}\n" and defined $start;
        my $length = $i - $start - 1;
        push @all_lengths, $length if $file =~ m{\Ac/};
        push @complaints, 'a function of ' . $length . ' lines at line ' . ($start + 1) if $length > $FUNCTION_MAX;
        undef $start;
    }
    return @complaints;
}
