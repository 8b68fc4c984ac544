# Spelling of manual pages and documents: American English, as hunspell has it, with the words of xt/words. Code is left out.

use strict;
use warnings;

use ExtUtils::Manifest 'maniread';
use File::Temp ();
use lib 'xt/lib';
use RealServer;
use Test::More;

RealServer->need(qw(hunspell Pod::Spell),
    [ 'hunspell-en-us', scalar grep {-f} map {"$_/en_US.dic"} qw(/usr/share/hunspell /usr/share/myspell /usr/share/myspell/dicts) ]);

my @files = sort keys %{ maniread() };
my %known = map { $_ => 1 } split ' ', text('xt/words');

is_deeply([ wrong("=head1 Delivary\n\nOf C<recpients> and mesages.\n", 'x.pm') ], [qw(Delivary mesages)], 'what is wrong in a manual page is found');
is_deeply([ wrong("Delivary of `recpients`\n\n```sh\nmesage\n```\n\n    mesages\n", 'x.md') ], ['Delivary'], '... and in a document');
for my $file (grep {m{\A(?:lib/.*\.(?:pm|pod)|script/mailwire|Changes)\z|\.md\z}} @files) {
    is_deeply([ wrong(text($file), $file) ], [], $file);
}
is(text('xt/words'), join('', map {"$_\n"} sort { lc $a cmp lc $b || $a cmp $b } keys %known), 'xt/words is in order');
done_testing;

# The words that neither the dictionary nor the list knows.
sub wrong {
    my ($text, $file) = @_;
    my $prose = $file =~ /\.md\z|\AChanges\z/ ? of_document($text) : of_page($text);
    $prose =~ s/[^\x00-\x7f]/ /g;
    my $input = File::Temp->new;
    binmode $input, ':encoding(UTF-8)';
    # Names of modules, options, functions, places and files, and what has a number in it, are no words.
    $prose =~ s{[\w.~/:@\$%-]*(?:::|[_/@\$\d=]|\w[.]\w|[a-z][A-Z])[\w.~/:@\$%*-]*}{ }g;
    print {$input} $prose;
    close $input or die "$input: $!";
    my %seen;
    return grep { !/\A(.+?)(?:'s)?\z/ || !$known{$1} && !$seen{$_}++ } split /\n/, `LC_ALL=C.UTF-8 hunspell -l -i UTF-8 -d en_US <'$input'`;
}

sub of_document {
    my ($text) = @_;
    $text =~ s/^```.*?^```$//msg;
    $text =~ s/`[^`\n]*`/ /g;
    $text =~ s/\]\([^)]*\)/]/g;
    $text =~ s/^    .*$//mg if $text !~ /\ARevision history/;
    return $text;
}

sub of_page {
    my ($text) = @_;
    open my $in, '<', \$text or die $!;
    my $prose = '';
    open my $out, '>', \$prose or die $!;
    Pod::Spell->new->parse_from_filehandle($in, $out);
    close $out;
    return $prose;
}

sub text {
    my ($file) = @_;
    open my $fh, '<', $file or die "$file: $!";
    local $/;
    return scalar <$fh>;
}
