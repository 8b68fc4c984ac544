# The rings of c/README.md, each knowing only the one inside, as the includes show it: no Perl and no system
# header in the core, no protocol in the I/O file, no protocol words in the glue. Inside a ring each file knows only what the picture has below it.

use strict;
use warnings;

use Test::More;

# What C99 itself has and needs no operating system, and compilers' own headers for vector instructions.
my %PURE = map { ("$_.h" => 1) }
    qw(assert ctype errno float inttypes limits stdarg stdbool stddef stdint stdio stdlib string),
    qw(arm_neon emmintrin immintrin);
my %FOR_IO   = map { ("$_.h" => 1) } qw(alloc buf clock error file io outq text);
my $PERL     = qr/\A(?:EXTERN|perl|XSUB|ppport)\.h\z/;
my $VERBS    = qr/\b(?:LHLO|MAIL FROM|RCPT|BDAT|RSET|VRFY|EXPN|ETRN|STARTTLS|PIPELINING|CHUNKING)\b/;
my @core     = sort glob 'c/*.[ch]';
my @glue     = sort glob 'xs/*.xs xs/*.xsi xs/*.[ch]';
my %made     = map { ($_ => 1) } qw(xs/Wire.c xs/ppport.h);
my @c_tests  = sort glob 't/c/*.[ch]';
my %is_core  = map { m{([^/]+)\z} ? ($1 => 1) : () } @core;

ok(@core > 20, 'the core is there');
for my $file (@core) {
    my $is_io = $file =~ m{/io\w*\.[ch]\z};
    my @wrong = map { $_->{name} } grep { !allowed_in_core($_, $is_io) } includes($file);
    is_deeply(\@wrong, [], "$file includes what its ring may");
}

is_deeply([ grep {/$PERL/} map { $_->{name} } map { includes($_) } @c_tests ], [], 'the C tests do without Perl');

for my $file (grep { !$made{$_} } @glue) {
    my @words = map {/($VERBS)/} strings($file);
    is_deeply(\@words, [], "$file speaks no protocol");
}

my @rows  = picture('c/README.md');
my %depth = map { my $row = $_; map { ($_ => $row) } @{ $rows[$row] } } 0 .. $#rows;
my %own   = map { m{(\w+/\w+)[.]h\z} && !$made{$_} && $1 !~ /_private\z|lmtp_session\z/ ? ($1 => 1) : () } @core, @glue;
for my $file (grep { !$made{$_} and !m{/(?:Wire|\w+)[.]xsi?\z} } @core, @glue) {
    my ($ring) = split m{/}, $file;
    my $noun = noun($file);
    ok(defined $depth{$noun}, "$file: $noun is in the picture") or next;
    my @above = grep { $_ ne $noun and !defined $depth{$_} || $depth{$_} <= $depth{$noun} } map { noun("$ring/$_->{name}") } inside($file);
    is_deeply(\@above, [], "$file knows only what is below $noun");
}
is_deeply([ circle() ], [], 'no module of lib/ is loaded by one that it loads itself');

done_testing;

# The rows of nouns, from the top; Perl's is left out.
sub picture {
    my ($readme) = @_;
    my ($picture) = text($readme) =~ /^```\n( Perl .*?)^```/ms;
    my ($perl, @rows) = split /\n/, $picture;
    return map { [ grep { !/\A(?:glue|core|I\/O)\z/ } split ' ' ] } @rows;
}

# A file's noun: its name, or, without a header of its own, the longest beginning of it that is a noun.
sub noun {
    my ($file) = @_;
    my ($ring, $name) = $file =~ m{([^/]+)/(\w+)[.]\w+\z} or die $file;
    my $noun = $name;
    while (!$own{"$ring/$noun"} and $noun =~ s/_[^_]+\z//) { }
    return $own{"$ring/$noun"} ? $noun : $name;
}

# What it includes of its own ring, but for what the files of a noun share.
sub inside {
    my ($file) = @_;
    my ($ring) = split m{/}, $file;
    return grep { $own{"$ring/" . ($_->{name} =~ /\A(\w+)[.]h\z/ ? $1 : '')} } includes($file);
}

# One circle of modules, if there is any.
sub circle {
    my %loads;
    for my $file (grep {/[.]pm\z/} manifest()) {
        (my $module = $file) =~ s{\Alib/|[.]pm\z}{}g;
        $module =~ s{/}{::}g;
        my ($code) = split /^__END__$/m, text($file);
        $loads{$module} = [ $code =~ /^use ((?:Mail|Net|Email)::[\w:]+)/mg ];
    }
    my $is_gone = 1;
    while ($is_gone) {    # what loads nothing that is left is in no circle
        $is_gone = 0;
        for my $module (keys %loads) {
            next if grep { $loads{$_} } @{ $loads{$module} };
            delete $loads{$module};
            $is_gone = 1;
        }
    }
    return sort keys %loads;
}

sub manifest { return text('MANIFEST') =~ m{^(lib/\S+)}mg }

sub allowed_in_core {
    my ($include, $is_io) = @_;
    my ($name, $is_system) = @$include{qw(name system)};
    return 0 if $name =~ $PERL;
    return $is_io || $PURE{$name} if $is_system;
    return $is_io ? $FOR_IO{$name} || $name =~ /\Aio\w*\.h\z/ : $is_core{$name} && $name !~ /\Aio/;
}

sub includes {
    my ($file) = @_;
    my @pairs = text($file) =~ /^\s*#\s*include\s+([<"])([^>"]+)/mg;
    my @found;
    while (my ($mark, $name) = splice @pairs, 0, 2) {
        push @found, { name => $name, system => $mark eq '<' };
    }
    return @found;
}

# String constants, comments left out.
sub strings {
    my ($file) = @_;
    (my $code = text($file)) =~ s{/\*.*?\*/}{}gs;
    return $code =~ /"((?:[^"\\\n]|\\.)*)"/g;
}

sub text {
    my ($file) = @_;
    open my $fh, '<', $file or die "$file: $!";
    local $/;
    return scalar <$fh>;
}
