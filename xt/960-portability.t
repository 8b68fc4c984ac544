# What older perls, other systems and other languages than English take differently, as far as it can be seen in the source. Each
# check finds the lines of a table that it must find, and passes over those that it must not.

use strict;
use warnings;

use ExtUtils::Manifest 'maniread';
use File::Temp ();
use Test::More;

my $QUANTIFIER_MAX = 32_766;    # before perl 5.30

# What takes one argument or none: before perl 5.22 a `?` behind it begins a pattern.
my $UNARY = join '|', qw(
    abs alarm caller chdir chomp chop chr chroot close cos defined delete each exists exit exp fileno getc hex int keys lc lcfirst
    length localtime log lstat oct ord pop pos quotemeta rand readline readlink ref require reset rmdir scalar shift sin sleep sqrt
    srand stat tell tied uc ucfirst umask undef untie values), '-[a-zA-Z]';

my $ENGLISH = join '|', 'No such file', 'Permission denied', 'Is a directory', 'Not a directory', 'Connection refused',
    'Connection reset', 'Broken pipe', 'Bad file descriptor', 'Address already in use', 'Too many open files', 'Invalid argument',
    'No space left', 'Resource temporarily', 'Operation not', 'Connection timed out';

# What comes with a module that is declared.
my %part_of = (
    'IO::Socket::SSL::Utils' => 'IO::Socket::SSL',
    'Moo::Role'              => 'Moo',
    (map { $_ => 'Mojolicious' } qw(Mojo::JSON Mojo::Server::Daemon)),
    map { ("Email::Sender::$_" => 'Email::Sender') } qw(Failure::Multi Role::HasMessage Success::Partial Transport Util),
);

# For a line of code: what is wrong with it.
my %perl = (
    'a `?` behind an operator of one argument' => {
        finds => sub { $_[0] =~ /(?<![\$\@%&>:\w{-])(?:$UNARY)\s*\?/ },
        bad   => [ 'return defined ? 1 : 0;', 'map { ref ? 1 : 0 }', 'lc ? 1 : 0', 'shift ? 1 : 0', '-f ? 1 : 0', 'my $x = length? 1 : 0;' ],
        good  => [ 'defined $_ ? 1 : 0', '$shift ? 1 : 0', '$x->length ? 1 : 0', 'wantarray ? 1 : 0', '$h{ref} ? 1 : 0', 'shift() ? 1 : 0' ],
    },
    'a quantifier above 32766' => {
        finds => sub { grep { $_ && $_ > $QUANTIFIER_MAX } map { split /,/ } $_[0] =~ /[.)\]\w]\{((?:\d+)?,?(?:\d+)?)\}/g },
        bad   => [ '/.{1,60000}/', '/(?:ab){40000}/', '/\w{32767,}/', '/[a-z]{,99999}/' ],
        good  => [ '/.{1,32766}/', '$h->{60000}', '{60000}' ],
    },
    'a final dot that older Carps do not have' => {
        finds => sub { $_[0] =~ /\bline (?:\\d\+|\d+|\$\w+)\\\.(?!\?)/ },
        bad   => [ 'qr/ at t.t line \d+\.$/', 'qr/at x line $line\.\n/' ],
        good  => [ 'qr/ at t.t line \d+\.?$/', '"line 5.\n"' ],
    },
    'words of the system in English' => {
        finds => sub { $_[0] =~ m{(?:qr|=~|!~|like\().*\b(?:$ENGLISH)\b} },
        bad   => [ 'like($@, qr/No such file/)', '$! =~ /Permission denied/' ],
        good  => [ 'like($@, words_of(ENOENT))', 'note "No such file"' ],
    },
    'a glob assigned into itself' => {
        finds => sub { $_[0] =~ /(\$\w+) = \\\*\1\b/ },
        bad   => [ '$data = \*$data if 1;' ],
        good  => [ '$source = \*$data;' ],
    },
    'the length of what may be undefined' => {
        finds => sub { $_[0] =~ /\bdefined\s+length\b/ },
        bad   => [ 'if (defined length $x)' ],
        good  => [ 'defined $x and length $x' ],
    },
    'what say has left in `$\`' => {
        finds => sub { $_[0] =~ /(?:defined|\.=?)\s*\$\\\s*(?:[;,)]|\z)/ },
        bad   => [ '$text .= $\\;' ],
        good  => [ 'local $\\ = "x";', 's/\$\\w//' ],
    },
    'POSIX::fstat' => {
        finds => sub { $_[0] =~ /\bPOSIX::fstat\b/ },
        bad   => ['POSIX::fstat(3)'],
        good  => ['POSIX::lseek(3, 0, 1)'],
    },
);

my %c = (
    'a clock that is not there' => {
        finds => sub { $_[0] =~ /^\s*(?:\(void\)\s*)?clock_gettime\(/ },
        bad   => [ '    clock_gettime(CLOCK_MONOTONIC, &ts);', '(void)clock_gettime(CLOCK_MONOTONIC, &ts);' ],
        good  => ['    if (clock_gettime(CLOCK_MONOTONIC, &ts))'],
    },
    'a flag that not all systems have or heed' => {
        finds => sub { $_[0] =~ /\bMSG_(?:DONTWAIT|NOSIGNAL)\b/ && $_[0] !~ /^\s*#/ },
        bad   => [ 'n = sendmsg(fd, msg, MSG_DONTWAIT | MSG_NOSIGNAL);', 'recv(fd, to, len, MSG_DONTWAIT);' ],
        good  => [ '#define NO_WAIT MSG_DONTWAIT', 'n = recv(fd, to, len, NO_WAIT);' ],
    },
    'words that another thread may overwrite' => {
        finds => sub { $_[0] =~ /\bstrerror\(/ },
        bad   => ['return strerror(errno);'],
        good  => ['mw_io_words(errno, words, sizeof words);'],
    },
    'a name for nanoseconds that only some have' => {
        finds => sub { $_[0] =~ /\bst_m?(?:tim|timespec|timensec)\b/ && $_[0] !~ /^\s*#/ },
        bad   => ['return file.st_mtim.tv_nsec;'],
        good  => ['return file.MW_IO_STAMP;'],
    },
    'a wait for a signal that another thread may take' => {
        finds => sub { $_[0] =~ /\bsigwait\(/ },
        bad   => ['sigwait(&set, &got);'],
        good  => ['sigtimedwait(&set, NULL, &none);'],
    },
);

for my $checks (\%perl, \%c) {
    for my $name (sort keys %$checks) {
        my $check = $checks->{$name};
        is_deeply([ grep { !$check->{finds}->($_) } @{ $check->{bad} } ], [], "$name: is found");
        is_deeply([ grep { $check->{finds}->($_) } @{ $check->{good} } ], [], '... and nothing else');
    }
}

my @files = sort keys %{ maniread() };
my @perl  = grep { m{\A(?:lib|t|eg)/.*\.(?:pm|pl|t)\z|\AMakefile\.PL\z} } @files;
my @c     = grep { m{\A(?:c|xs)/.*\.(?:[ch]|xsi?)\z} } @files;

check_lines($_, \%perl, perl_code($_)) for @perl;
check_lines($_, \%c,    c_code($_))    for @c;
check_modules();
check_interface();
done_testing;

sub check_lines {
    my ($file, $checks, @lines) = @_;
    my @found;
    for my $i (0 .. $#lines) {
        push @found, map { 'line ' . ($i + 1) . ": $_" } grep { $checks->{$_}{finds}->($lines[$i]) } sort keys %$checks;
    }
    return is_deeply(\@found, [], $file);
}

# Manual, comments and what is behind the end are empty lines.
sub perl_code {
    my ($file) = @_;
    my ($is_manual, $has_ended, @lines) = (0, 0);
    for my $line (split /^/, text($file)) {
        $has_ended = 1 if $line =~ /^__(?:END|DATA)__$/;
        $is_manual = 1 if $line =~ /^=[a-z]/;
        (my $code = $line) =~ s/(?:^|\s)#.*//s;
        push @lines, $is_manual || $has_ended ? '' : $code;
        $is_manual = 0 if $line =~ /^=cut/;
    }
    return @lines;
}

sub c_code {
    my ($file) = @_;
    (my $text = text($file)) =~ s{(/\*.*?\*/)}{ (my $lines = $1) =~ s/[^\n]//g; $lines }gse;
    return split /^/, $text;
}

sub text {
    my ($file) = @_;
    open my $fh, '<', $file or die "$file: $!";
    local $/;
    return scalar <$fh>;
}

# ---- modules: what is used is declared, and is perl's own or optional

sub check_modules {
    my %own = map { m{\A(?:lib|t/lib)/(.+)\.pm\z} ? (_module($1) => 1) : () } @files;
    $own{'IO::Socket::SSL::Utils'} = 1;    # comes with IO::Socket::SSL
    my %declared = declared();
    my $cpanfile = text('cpanfile');
    is_deeply([ undeclared(\%declared, {}, lib => 'use Not::There;', 't/x.t' => "    require Not::There::Either;\n") ],
        [ 'Not::There in lib', 'Not::There::Either in t/x.t' ], 'a module that is not declared is found');
    is_deeply([ undeclared(\%declared, \%own, map { $_ => join '', perl_code($_) } grep { m{\A(?:lib|t)/} } @perl) ], [], 'all are declared');
    is_deeply([ grep { $cpanfile !~ /(?:requires|recommends|suggests) '\Q$_\E'/ } sort keys %declared ], [], 'and cpanfile knows them as well');
    my %version = map { $_ => $] } grep { eval { require Module::CoreList; !defined Module::CoreList->first_release($_) } } keys %declared;
    is_deeply([ grep { $cpanfile !~ /(?:recommends|suggests) '\Q$_\E'/ } sort keys %version ], [], 'and those that are required are perl\'s own');
    return;
}

sub _module { my ($path) = @_; $path =~ s{/}{::}g; return $path }

# Pragmas come with every perl; what is recommended is only required, where a perl may not have it.
sub undeclared {
    my ($declared, $own, %code) = @_;
    my @found;
    for my $file (sort keys %code) {
        my %used = map { $_ => 1 } $code{$file} =~ /(?:^|[;{(])\s*(?:use|require)\s+([A-Z]\w*(?:::\w+)*)/mg;
        push @found, map {"$_ in $file"} grep { !$declared->{ $part_of{$_} || $_ } && !$own->{$_} && $_ ne 'Config' } sort keys %used;
    }
    return @found;
}

sub declared {
    my $makefile = text('Makefile.PL');
    my @blocks = $makefile =~ /\b(?:PREREQ_PM|TEST_REQUIRES|CONFIGURE_REQUIRES|BUILD_REQUIRES)\s*=>\s*\{(.*?)\}/gs;
    push @blocks, $makefile =~ /\brecommends\s*=>\s*\{(.*?)\}/;
    my ($suggested) = $makefile =~ /^sub suggested \{.*?qw\((.*?)\)/ms;
    return map { $_ => 1 } split(' ', $suggested), map { /'?([A-Z][\w:]+)'?\s*=>/g } @blocks;
}

# ---- perl's interface for C

sub check_interface {
    my $planted = File::Temp->new(SUFFIX => '.c');
    print {$planted} qq(#include "perl.h"\n#include "ppport.h"\nvoid f(pTHX) { PadlistARRAY(x); }\n);
    close $planted;
    like(join('', unportable("$planted")), qr/Uses PadlistARRAY, which/, 'what perl 5.10.1 does not have is found');
    is_deeply([ map { unportable($_) } grep { m{\Axs/} } @c ], [], 'the glue uses nothing newer than perl 5.10.1');
    return;
}

sub unportable {
    my (@sources) = @_;
    my $said = qx($^X xs/ppport.h --compat-version=5.10.1 --nochanges --nohints --nofilter @sources);
    return $said =~ /^(.*may not be portable.*)$/mg;
}
